"""Pairs whose fakes were made by others: the nearest one by its prompt, fetched, reduced, and recorded for what it is."""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.candidates import prompt_of
from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.inputs import check_inputs
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.recipe import load_recipe
from flows.regenerate import Regeneration
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage
from flows.takedown import take_down
from generation.config import RetrieveConfig
from manifests.dataset import Dataset
from manifests.errors import RecipeError, SourceError
from manifests.records import ExistingFake, Pair, Reason
from manifests.verify.run import Verification
from manifests.wanted import Wanted
from sources.base import Listing
from tests.flows.text_encoder import write_text_encoder

pytestmark = pytest.mark.xdist_group("retrieve")

COLOURS = ("red", "blue", "green", "white", "black", "yellow")
THINGS = ("cube", "ball", "house", "tree", "dog")
REALS = [f"a {colour} {thing}" for colour in COLOURS for thing in THINGS]

RECIPE = """
name = "retrieved"

[[sources]]
type = "url-list"
name = "photos"
path = "photos.csv"
images = "photos"
columns = {{ caption = "caption" }}

[[candidates]]
type = "prompted-folder"
name = "found"
path = "found"
csv = "found.csv"
generator = "midjourney_v5"
license = "CC0-1.0"

[caption]
source = "source"

[[generators]]
name = "midjourney"
method = "retrieve"
model = "encoder"
candidates = "found"
{settings}

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 32
generators = ["midjourney"]

[split]
group_by = ["pair"]

[chunks]
size = 8

[limits]
drop_rate = 1.0
"""


def picture(seed: int, side: int = 96, width: int = 0) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width or side, side), Image.Resampling.BICUBIC)


def write_table(path: Path, names: tuple[str, str], rows: dict[str, str]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([names, *rows.items()])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tells the words of the captions apart."""
    folder = tmp_path_factory.mktemp("encoder")
    write_text_encoder(folder, ["a", *COLOURS, *THINGS])
    return folder


@pytest.fixture
def world(tmp_path: Path, encoder: Path) -> Callable[..., BuildFolder]:
    """Thirty captioned photographs, and as many fakes as prompts are given: those of the prompts that are asked for."""
    (tmp_path / "encoder").symlink_to(encoder)
    for folder in ("photos", "found"):
        (tmp_path / folder).mkdir()
    for number in range(len(REALS)):
        picture(number).save(tmp_path / f"photos/{number}.jpg", quality=90)
    write_table(
        tmp_path / "photos.csv", ("path", "caption"), {f"{number}.jpg": text for number, text in enumerate(REALS)}
    )

    def make(prompts: list[str], settings: str = "", **pictures: Image.Image) -> BuildFolder:
        for number in range(len(prompts)):
            shown = pictures.get(f"image{number}", picture(1000 + number, 80, width=100))
            shown.save(tmp_path / f"found/{number}.png")
        write_table(
            tmp_path / "found.csv",
            ("file_name", "prompt"),
            {f"{number}.png": prompt for number, prompt in enumerate(prompts)},
        )
        path = tmp_path / "recipe.toml"
        path.write_text(RECIPE.format(settings=settings))
        return BuildFolder(load_recipe(path), str(tmp_path), str(tmp_path / "out"))

    return make


def build(folder: BuildFolder, until: str = "audit") -> list[Pair]:
    """Run the stages up to one of them, without it; the pairs of the dataset, if it got so far."""
    folder.claim(redo=True)
    for stage in build_stages(folder):
        if stage.name == until:
            break
        do(stage)
    return list(Dataset.open(str(folder.dataset)).pairs()) if until in ("audit", "") else []


def do(stage: BuildStage) -> None:
    for index in stage.pending():
        stage.run(index)
    stage.finish()


def rejected(folder: BuildFolder) -> Counter[tuple[str, Reason]]:
    return Counter({(count.name, reason): n for count in stage_counts(folder) for reason, n in count.rejected.items()})


def test_each_real_is_given_the_fake_of_its_own_words(world: Callable[..., BuildFolder]):
    folder = world([*REALS[::-1], "a a a"])
    pairs = build(folder)
    assert len(pairs) == len(REALS)
    assert rejected(folder) == {}
    for pair in pairs:
        fake = pair.fakes["midjourney"]
        assert fake.retrieved is not None
        assert fake.retrieved.made is not None
        assert fake.prompt == fake.retrieved.made.prompt == pair.caption.cleaned
        assert (fake.method, fake.model, fake.prompt_used) == ("retrieve", "midjourney_v5", "")
        assert fake.similarity == pytest.approx(1.0, abs=1e-3)
        assert (fake.native_width, fake.native_height) == (100, 80)
        original = Path(folder.base) / "found" / fake.retrieved.source_id
        assert hashlib.sha256(original.read_bytes()).hexdigest() == fake.retrieved.sha256
        assert pair.history == "unequal"
        assert (pair.members["midjourney"].width, pair.members["midjourney"].height) == (32, 32)
    attribution = (Path(folder.url) / "dataset/ATTRIBUTION.csv").read_text()
    assert all(image.key in attribution for pair in pairs for image in pair.images)
    assert attribution.count("CC0-1.0") == len(REALS)


def test_a_fake_is_used_at_most_so_often(world: Callable[..., BuildFolder]):
    folder = world(REALS[:5], "max_uses = 2")
    pairs = build(folder)
    uses = Counter(pair.fakes["midjourney"].prompt for pair in pairs)
    assert uses == dict.fromkeys(REALS[:5], 2)
    assert rejected(folder) == {("retrieve-midjourney", Reason.UNMATCHED): len(REALS) - 10}
    details = [json.loads(line)["detail"] for line in folder.dataset.read("rejects.jsonl").splitlines()]
    assert all("given away" in detail for detail in details)
    own = {pair.caption.cleaned: pair.fakes["midjourney"].similarity for pair in pairs}
    assert all(own[text] == pytest.approx(1.0, abs=1e-3) for text in REALS[:5])


def test_what_is_not_alike_enough_is_dropped_and_says_how_alike_it_was(world: Callable[..., BuildFolder]):
    folder = world(REALS[:5], "max_uses = 30\nmin_similarity = 0.999")
    assert len(build(folder)) == 5
    details = [json.loads(line)["detail"] for line in folder.dataset.read("rejects.jsonl").splitlines()]
    assert len(details) == 25
    assert all("below 0.999" in detail for detail in details)


def test_built_again_it_is_the_same_and_only_what_changed_is_done_again(world: Callable[..., BuildFolder]):
    folder = world(REALS)
    build(folder, until="align")
    stages = {stage.name: stage for stage in build_stages(folder)}
    matching, fetching = stages["retrieve-midjourney"].store, stages["generate-midjourney"].store
    before = [matching.marker(index) for index in range(4)]
    matching.forget(1)  # killed before it was complete
    fetching.forget(2)
    assert stages["retrieve-midjourney"].pending() == [0]
    stages["retrieve-midjourney"].run(0)
    assert [matching.marker(index) for index in range(4)] == before
    assert stages["generate-midjourney"].pending() == [2]
    build(folder)
    assert not any(stage.pending() for stage in build_stages(folder)[:-1])


def test_one_image_under_two_prompts_is_used_once(world: Callable[..., BuildFolder]):
    same = picture(77, 80)
    folder = world(REALS, image3=same, image4=same)
    pairs = build(folder)
    assert len(pairs) == len(REALS) - 1
    assert rejected(folder) == {("split", Reason.DUPLICATE): 1}


def test_a_fake_that_would_be_reduced_less_than_twice_is_dropped_with_its_pair(world: Callable[..., BuildFolder]):
    folder = world(REALS, image7=picture(7, 63))
    assert len(build(folder)) == len(REALS) - 1
    assert rejected(folder) == {("generate-midjourney", Reason.TOO_SMALL): 1}


def test_the_finished_dataset_is_rebuilt_without_a_model_and_gives_up_a_fake_that_is_taken_down(
    world: Callable[..., BuildFolder], tmp_path: Path
):
    folder = world(REALS[:8])
    pairs = build(folder, until="")
    manifest = Path(folder.url) / "dataset" / "manifest.jsonl"
    archives = (str(tmp_path / "photos"), str(tmp_path / "found"))
    (tmp_path / "encoder").unlink()
    again = prepare(Rebuild(manifest=str(manifest), out=str(tmp_path / "again"), archives=archives))
    for stage in rebuild_stages(again):
        do(stage)
    assert {pair.verdict for pair in write_report(again).pairs} == {"identical"}
    assert list(Dataset.open(str(again.dataset)).pairs()) == pairs
    dataset = Dataset.open(str(folder.dataset))
    assert list(Verification(dataset.folder).findings()) == []
    regeneration = Regeneration(dataset, tmp_path, lambda _: None, "cpu")
    assert {remade.verdict for remade in regeneration.run([(pairs[0], "midjourney")])} == {"not-checked"}

    lost = pairs[0].fakes["midjourney"].retrieved
    assert lost is not None
    (tmp_path / "found" / lost.source_id).unlink()
    without = prepare(Rebuild(manifest=str(manifest), out=str(tmp_path / "without"), archives=archives))
    for stage in rebuild_stages(without):
        do(stage)
    [missing] = [pair for pair in write_report(without).pairs if pair.verdict != "identical"]
    assert (missing.pair_id, missing.verdict) == (pairs[0].pair_id, "gone")
    assert f"'s image {lost.source_id}: " in missing.detail

    done = take_down(folder.url, Wanted(frozenset({("sha256", lost.sha256)})))
    assert [pair.pair_id for pair in done.pairs] == [pairs[0].pair_id]
    assert done.erased == 2  # what was reduced, and the member
    left = Dataset.open(str(folder.dataset))
    assert [pair.pair_id for pair in left.pairs()] == [pair.pair_id for pair in pairs[1:]]
    assert list(Verification(left.folder).findings()) == []


def test_generators_stand_in_a_line_and_a_view_asks_for_some_of_them(world: Callable[..., BuildFolder]):
    folder = world(REALS[:20], "max_uses = 2")
    path = Path(folder.base) / "recipe.toml"
    table = RECIPE[RECIPE.index("[[generators]]") : RECIPE.index("[[views]]")].format(settings="max_uses = 30")
    view = RECIPE[RECIPE.index("[[views]]") : RECIPE.index("[split]")]
    both = view.replace('"scene"', '"both"', 1).replace('["midjourney"]', '["midjourney", "other"]')
    path.write_text(path.read_text() + table.replace('"midjourney"', '"other"') + both)
    pairs = build(BuildFolder(load_recipe(path), folder.base, folder.url))
    made = Counter((pair.frame.view, *sorted(pair.fakes)) for pair in pairs)
    dropped = rejected(BuildFolder.open(folder.url))
    assert dropped == {("retrieve-midjourney", Reason.UNMATCHED): 20}  # sixty pairs ask for forty uses
    assert made == {("scene", "midjourney"): 20, ("both", "midjourney", "other"): 20}


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a red  cube --ar 3:2 --v 5", "a red cube"),
        ("<https://s.mj.run/x> https://example.org/a.png a red cube --no dogs, cats", "a red cube"),
        ("a well--known cube", "a well--known cube"),
        ("--v 5", ""),
    ],
)
def test_prompts_are_compared_by_their_words(prompt: str, words: str):
    assert prompt_of(Listing(source_id="1", made=ExistingFake(generator="midjourney", prompt=prompt))) == words


def test_candidates_without_prompts_are_refused_before_the_build(world: Callable[..., BuildFolder]):
    folder = world(REALS)
    (Path(folder.base) / "found.csv").write_text("file_name,prompt\n0.png,\n")
    with pytest.raises(SourceError, match="prompt"):
        check_inputs(folder)


def test_the_documented_recipe_is_one(tmp_path: Path):
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    [snippet] = re.findall(r"^```toml\n(\[\[candidates\]\].*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = 'name = "documented"\ncaption = { source = "source" }\nsources = [{ type = "folder", path = "photos" }]\n'
    path = tmp_path / "recipe.toml"
    path.write_text(rest + snippet)
    recipe = load_recipe(path)
    assert [type(generator) for generator in recipe.generators] == [RetrieveConfig]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('candidates = "found"', 'candidates = "lost"', "generators.midjourney.candidates: no 'lost'"),
        ('name = "found"', 'name = "photos"', "the name 'photos' stands twice"),
        ('framing = "scene"', 'framing = "patch"', "whole scenes"),
        ('name = "retrieved"', 'name = "retrieved"\ntarget_pairs = 3', "target_pairs: midjourney retrieves"),
        ('method = "retrieve"', 'method = "retrieve"\nguidance_scale = 2', "guidance_scale"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(settings="").replace(old, new, 1))
    with pytest.raises(RecipeError, match=message) as refusal:
        load_recipe(path)
    assert "\n" not in str(refusal.value)
