"""Images that stand alone, from recipe to dataset: reals, existing fakes, and fakes made from a list of prompts."""

import hashlib
import io
import itertools
import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from audit.report import AuditReport
from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.plan import plan_recipe
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import RebuildReport, write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.recipe import load_recipe
from flows.regenerate import Regeneration
from flows.stages.align import AlignStage
from flows.stages.audit import build_stages
from flows.standing import StandingPair, of_stage
from flows.takedown import take_down
from manifests.dataset import Dataset
from manifests.diff import diff
from manifests.merge import merge
from manifests.records import SPLITS, Pair
from manifests.storage import Folder
from manifests.subset import parse_filter, subset
from manifests.verify.run import Verification
from manifests.wanted import Wanted
from pages.report import render

pytestmark = pytest.mark.xdist_group("stages")

MODELS = Path(__file__).parents[2] / "demo" / "models"
SIZE = 32

ALONE = """
name = "alone"

[[sources]]
type = "dda"
path = "dda"

[[views]]
name = "photos"
framing = "single"
sources = ["dda"]
size = 32

[chunks]
size = 16

[shards]
pairs = 10

[limits]
drop_rate = 1.0

[audit]
pixel_probe = false

[split]
ratios = {{ train = 0.5, validation = 0.25, test = 0.25 }}
"""

MORE = """
[[sources]]
type = "folder"
path = "{photographs}"
limit = 5

[[sources]]
type = "prompts"
path = "prompts.txt"
images_per_prompt = 2

[[views]]
name = "pairs"
framing = "patch"
frame = 32
size = 32
sources = ["folder"]
generators = ["vae"]

[[views]]
name = "made"
framing = "single"
sources = ["prompts"]
generators = ["sd"]
frame = 64
size = 32

[[generators]]
name = "sd"
method = "text-to-image"
model = "{models}/stable-diffusion"
num_inference_steps = 1

[[generators]]
name = "vae"
method = "reconstruct"
model = "{models}/stable-diffusion"

[caption]
source = "class-template"
"""

PROMPTS = ("a red cube on a wooden floor", "two blue spheres", "A green cone", "a sphere")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Path:
    """Reals beside blurred fakes of them in DDA's folders, a list of prompts, and recipes over them."""
    from demo.photographs import take_photograph

    folder = tmp_path_factory.mktemp("alone")
    for label in ("real", "fake"):
        (folder / "dda" / label).mkdir(parents=True)
    for number in range(100, 116):
        photograph = take_photograph(number)
        (folder / "dda" / "real" / f"{number}{photograph.suffix}").write_bytes(photograph.data)
        with Image.open(io.BytesIO(photograph.data)) as image:
            fake = image.convert("RGB").filter(ImageFilter.GaussianBlur(1))
        fake.save(folder / "dda" / "fake" / f"{number}.png")
    (folder / "prompts.txt").write_text("\n".join(PROMPTS) + "\n")
    more = MORE.format(models=MODELS, photographs=scenes)
    (folder / "alone.toml").write_text(ALONE.format())
    (folder / "mixed.toml").write_text(ALONE.format() + more)
    (folder / "naive.toml").write_text(ALONE.format() + '[alignment]\nmode = "naive"\n')
    return folder


def made(world: Path, name: str) -> BuildFolder:
    """A finished build."""
    build = BuildFolder(load_recipe(world / f"{name}.toml"), str(world), str(world / name))
    build.claim()
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return build


@pytest.fixture(scope="module")
def build(world: Path) -> BuildFolder:
    """Pairs, existing images that stand alone, and fakes of prompts."""
    return made(world, "mixed")


@pytest.fixture(scope="module")
def dataset(build: BuildFolder) -> Dataset:
    """Its dataset."""
    return Dataset.open(str(build.dataset))


@pytest.fixture(scope="module")
def pairs(dataset: Dataset) -> list[Pair]:
    """What stands alone in it."""
    return [pair for pair in dataset.pairs() if pair.is_single]


def test_every_image_has_its_label_by_name(pairs: list[Pair]):
    found = Counter((pair.frame.view, pair.label, pair.generator) for pair in pairs)
    assert found["photos", 0, ""] > 4
    assert found["photos", 1, "dda"] > 4
    assert found["made", 1, "sd"] > 4
    assert len(found) == 3


def test_nothing_is_lost_without_a_reject(build: BuildFolder):
    counts = stage_counts(build)
    for left, right in itertools.pairwise(counts[1:]):
        if left.unit == right.unit != "files":
            assert right.seen == left.forwarded, right.name
    for count in counts:
        assert count.seen == count.forwarded + sum(count.rejected.values()), count.name


def test_samples_have_one_image_and_the_same_fields(dataset: Dataset, pairs: list[Pair]):
    by_id = {pair.pair_id: pair for pair in pairs}
    fields = set()
    for sample in dataset.samples():
        if "real" in sample.members:
            continue
        pair = by_id.pop(sample.key)
        assert list(sample.members) == ["image"] == list(pair.members)
        with Image.open(io.BytesIO(sample.members["image"])) as image:
            assert (image.size, image.format, image.getexif()) == ((SIZE, SIZE), "JPEG", {})
        assert (sample.metadata["label"], sample.metadata["generator"]) == (pair.label, pair.generator)
        assert sample.metadata["prompt"] == pair.image.prompt
        fields.add(json.dumps({name: type(value).__name__ for name, value in sample.metadata.items()}))
    assert not by_id
    assert len(fields) == 1


def test_the_pairs_of_a_mixed_chunk_are_split_in_the_order_of_their_ids(build: BuildFolder):
    """So all views of an image come one after another, whether or not some of them stand alone."""
    aligned = [pair.pair_id for _, pair in of_stage(AlignStage(build), StandingPair)]
    assert aligned == sorted(aligned)


def test_the_manifest_is_in_the_order_that_its_page_tells(dataset: Dataset):
    views = dataset.header.views
    places = [(SPLITS.index(pair.split), views.index(pair.frame.view), pair.image.key) for pair in dataset.pairs()]
    assert places == sorted(places)
    by_shard = [pair.shard for pair in dataset.pairs()]
    assert list(dict.fromkeys(by_shard)) == [shard.name for shard in dataset.header.shards]
    assert sum(1 for _ in itertools.groupby(by_shard)) == len(dataset.header.shards) > len(views)


def test_existing_images_are_reduced_twice_at_least(pairs: list[Pair]):
    for pair in pairs:
        if not pair.image.is_prompt:
            assert pair.frame.side >= 2 * SIZE
            assert pair.frame.side % pair.frame.mcu[0] == 0
        assert pair.history == "unequal"


def test_what_belongs_together_stays_in_one_split(pairs: list[Pair]):
    splits = defaultdict(set)
    for pair in pairs:
        splits[pair.image.pair or pair.image.prompt].add(pair.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len({split for found in splits.values() for split in found}) > 1


def test_a_prompt_is_used_word_for_word(pairs: list[Pair]):
    made = [pair for pair in pairs if pair.image.is_prompt]
    assert {pair.fakes["sd"].prompt for pair in made} == set(PROMPTS)
    assert len({pair.fakes["sd"].seed for pair in made}) == len(made)
    assert {pair.caption.model for pair in pairs} == {"source", "none"}


def test_pairs_are_made_of_real_images_of_their_sources(dataset: Dataset):
    paired = [pair for pair in dataset.pairs() if not pair.is_single]
    assert {(pair.image.source, *sorted(pair.members)) for pair in paired} == {("folder", "real", "vae")}


def test_the_audit_looks_at_both_parts(dataset: Dataset):
    report = AuditReport.model_validate_json(dataset.folder.read("reports/audit.json"))
    apart = [probe for probe in report.probes if probe.subject.startswith("images that stand alone")]
    assert report.kind == "paired"
    assert report.pairs == sum(shard.pairs for shard in dataset.header.shards)
    assert {probe.name for probe in apart} & {probe.name for probe in report.probes if probe not in apart}


def test_naively_stored_they_are_as_they_came(world: Path, tmp_path: Path):
    build = made(world, "naive")
    dataset = Dataset.open(str(build.dataset))
    images = {pair.pair_id: pair.image.sha256 for pair in dataset.pairs()}
    stored = {sample.key: hashlib.sha256(sample.members["image"]).hexdigest() for sample in dataset.samples()}
    assert stored == images
    assert AuditReport.model_validate_json(dataset.folder.read("reports/audit.json")).kind == "unpaired"
    assert dataset.audit_verdict == "failed"
    assert list(Verification(build.dataset).findings()) == []
    shutil.copyfile(f"{dataset.root}/manifest.jsonl", tmp_path / "alone.jsonl")
    assert {pair.verdict for pair in rebuilt(tmp_path, world / "dda").pairs} == {"identical"}


def test_verified_whole(dataset: Dataset):
    verification = Verification(Folder.at(dataset.root))
    assert list(verification.findings()) == []
    assert verification.counts["reals"] == len({pair.image.key for pair in dataset.pairs() if pair.image.is_real})


def test_the_report_shows_them(dataset: Dataset, build: BuildFolder, pairs: list[Pair]):
    page = render(dataset, None, stage_counts(build), None)
    views = Counter(pair.frame.view for pair in dataset.pairs())
    assert page.count("<img") == min(12, views["photos"]) + views["made"] + 2 * views["pairs"]
    assert f"{len(pairs)} are images that stand alone" in page
    assert "existing" in page


def test_with_a_real_go_the_fakes_that_its_source_pairs_with_it(dataset: Dataset, pairs: list[Pair], tmp_path: Path):
    twins = defaultdict(list)
    for pair in pairs:
        twins[pair.image.pair].append(pair)
    whole = next(found for name, found in twins.items() if name and len(found) == 2)
    real = next(pair for pair in whole if pair.label == 0)
    made = next(pair for pair in pairs if pair.image.is_prompt)
    shutil.copytree(dataset.root, tmp_path / "set")
    asked = Wanted(frozenset({("ids", real.image.key), ("ids", made.image.key)}))
    gone = take_down(str(tmp_path / "set"), asked).pairs
    assert {pair.pair_id for pair in gone} == {made.pair_id, *(pair.pair_id for pair in whole)}
    assert list(Verification(Folder.at(str(tmp_path / "set"))).findings()) == []


def test_a_subset_keeps_the_reals_and_merges_again(dataset: Dataset, pairs: list[Pair], tmp_path: Path):
    of_dda = subset(dataset, str(tmp_path / "dda"), parse_filter(["generator=dda"]))
    others = subset(dataset, str(tmp_path / "others"), parse_filter(["view=made,pairs"]))
    assert Counter(pair.generator for pair in of_dda.pairs()) == Counter(
        pair.generator for pair in pairs if not pair.image.is_prompt
    )
    whole = merge([of_dda, others], str(tmp_path / "whole"))
    assert list(Verification(Folder.at(whole.root)).findings()) == []
    found = diff(dataset, whole)
    assert (found.only_a, found.only_b, found.changed, found.moved) == (0, 0, 0, 0)


def test_the_plan_counts_each_view_by_its_own_sources(world: Path):
    plan = plan_recipe(load_recipe(world / "mixed.toml"), world)
    assert {source.name: source.images for source in plan.sources} == {"dda": 32, "folder": 5, "prompts": 8}
    assert plan.pairs == 45
    assert {generator.name: generator.fakes for generator in plan.generators} == {"sd": 8, "vae": 5}


def rebuilt(folder: Path, *archives: Path) -> RebuildReport:
    """What becomes of the manifest `alone.jsonl` in a folder, rebuilt there."""
    asked = Rebuild(manifest=str(folder / "alone.jsonl"), out=str(folder / "again"), archives=tuple(map(str, archives)))
    build = prepare(asked)
    for stage in rebuild_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return write_report(build)


def test_made_again_from_the_manifest(world: Path, scenes: Path, dataset: Dataset, pairs: list[Pair], tmp_path: Path):
    shutil.copyfile(f"{dataset.root}/manifest.jsonl", tmp_path / "alone.jsonl")
    victim = next(pair for pair in pairs if pair.generator == "dda")
    lost = world / "dda" / victim.image.source_id
    lost.rename(tmp_path / "kept.png")
    try:
        report = rebuilt(tmp_path, world / "dda", scenes)
    finally:
        (tmp_path / "kept.png").rename(lost)
    assert [pair.pair_id for pair in report.pairs if pair.verdict == "gone"] == [victim.pair_id]
    assert {pair.verdict for pair in report.pairs if pair.pair_id != victim.pair_id} == {"identical"}
    assert list(Verification(Folder.at(str(tmp_path / "again" / "dataset"))).findings()) == []


def test_fakes_of_prompts_are_made_again_identically(dataset: Dataset, pairs: list[Pair], tmp_path: Path):
    drawn = [(pair, "sd") for pair in pairs if pair.image.is_prompt][:1]
    again = Regeneration(dataset, tmp_path, lambda _: None, "cpu").run(drawn)
    assert [made.verdict for made in again] == ["identical"]
