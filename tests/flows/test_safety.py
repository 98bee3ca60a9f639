"""What must not be used: by its scores, by deny-lists, by what it says of itself, and by a model's eye."""

import hashlib
import itertools
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.inputs import check_inputs
from flows.recipe import parse_recipe
from flows.records import AlignedPair, GeneratedFake, SelectedImage, StoredImage
from flows.screening import check_scores
from flows.stages.align import AlignStage
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage
from flows.stages.generate import GenerateStage
from flows.stages.reals import RealsStage
from flows.stages.safety import SafetyStage
from flows.stages.safety_fakes import FakeSafetyStage
from flows.stages.screen import ScreenStage
from flows.stages.select import SelectStage
from flows.verify import check_build
from manifests.errors import DatasetError, ModelError, RecipeError, RejectedItem
from manifests.records import ExistingFake, Reason, Reject
from pixels.arrays import Pixels
from pixels.config import ScreenRules
from pixels.decode import decode
from pixels.orient import to_upright

pytestmark = pytest.mark.xdist_group("stages")

MODELS = Path(__file__).parents[2] / "demo" / "models"
RECIPE = """
name = "safe"

[[sources]]
type = "folder"
path = "photographs"

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "{models}/stable-diffusion"

[split]
group_by = ["pair"]

[limits]
drop_rate = 1.0
"""


THINGS = 16


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of rendered photographs; one more is a PNG that says what it was generated with."""
    from demo.photographs import take_photograph

    folder = tmp_path_factory.mktemp("world")
    things = folder / "photographs" / "things"
    things.mkdir(parents=True)
    for number in range(THINGS):
        photograph = take_photograph(number)
        (things / f"{number:02d}{photograph.suffix}").write_bytes(photograph.data)
    told = PngInfo()
    told.add_text("parameters", "a cube\nSteps: 20, Sampler: Euler a")
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(things / "declared.png", pnginfo=told)
    return folder


def build_of(world: Path, out: Path, extra: str = "") -> BuildFolder:
    recipe = parse_recipe(tomllib.loads(RECIPE.format(models=MODELS) + extra), "safe.toml")
    build = BuildFolder(recipe, str(world), str(out))
    build.claim(redo=True)
    return build


def run_until(build: BuildFolder, last: str) -> list[str]:
    """Run the stages up to one of them; the names of those that had something to do."""
    worked = []
    for stage in build_stages(build):
        pending = stage.pending()
        worked += [stage.name] if pending else []
        for index in pending:
            stage.run(index)
        stage.finish()
        if stage.name == last:
            return worked
    raise AssertionError(f"no stage {last}")


def rejects(stage: BuildStage) -> dict[str, Reject]:
    return {reject.key: reject for reject in stage.store.rejects(0)}


@pytest.fixture(scope="module")
def plain(world: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildFolder:
    """The build as far as align, with nobody asked about safety."""
    build = build_of(world, tmp_path_factory.mktemp("plain") / "out")
    run_until(build, "align")
    return build


def with_safety(model: Path | str, threshold: float, labels: str = '["nude", "gore"]') -> str:
    return f'[screen.safety]\nmodel = "{model}"\nunsafe_labels = {labels}\nthreshold = {threshold!r}\n'


def test_what_says_that_it_is_generated_is_no_real_image(plain: BuildFolder, world: Path, tmp_path: Path):
    declared = hashlib.sha256((world / "photographs" / "things" / "declared.png").read_bytes()).hexdigest()[:16]
    assert rejects(ScreenStage(plain))[declared].reason is Reason.DECLARED_GENERATED
    lenient = build_of(world, tmp_path, '[screen]\ndeclared_generated = "keep"')
    run_until(lenient, "screen")
    assert declared not in rejects(ScreenStage(lenient))


def test_an_existing_fake_may_say_so_but_must_be_whole(world: Path, tmp_path: Path):
    """A source of fakes is stood for by real bytes that the reals stage is told were generated."""
    build = build_of(world, tmp_path, "[screen]\nmin_side = 150")
    run_until(build, "reals")
    rewrite(build, {"made": ExistingFake(generator="sd15")})
    ScreenStage(build).run(0)
    reasons = {reject.reason for reject in rejects(ScreenStage(build)).values()}
    assert reasons == {Reason.TOO_SMALL}


def rewrite(build: BuildFolder, *changes: dict[str, object]) -> list[str]:
    """Let the reals stage say something else of its images, in turn; the keys in order."""
    store = RealsStage(build).store
    chunk = store.writer(0)
    keys = []
    for number, stored in enumerate(store.records(0, StoredImage)):
        image = stored.image.model_copy(update=changes[number % len(changes)])
        keys.append(image.key)
        chunk.seen += 1
        chunk.add(StoredImage(image=image, blob=chunk.blob(image.key, store.read_blob(stored.blob))))
    store.commit(chunk, "", 0.0)
    return keys


def test_scores_are_asked_for_at_screening(world: Path, tmp_path: Path):
    limits = "[screen]\nmax_scores = { punsafe = 0.1 }\nmin_scores = { aesthetic = 5.0 }"
    build = build_of(world, tmp_path, limits)
    run_until(build, "reals")
    scores = [{"punsafe": 0.1, "aesthetic": 5.0}, {"punsafe": 0.11, "aesthetic": 9.0}, {"aesthetic": 4.9}, {}]
    keys = rewrite(build, *({"scores": each} for each in scores))
    ScreenStage(build).run(0)
    dropped = rejects(ScreenStage(build))
    assert (dropped[keys[1]].reason, dropped[keys[1]].detail) == (Reason.UNSAFE, "punsafe 0.11, expected at most 0.1")
    assert (dropped[keys[2]].reason, dropped[keys[2]].detail) == (Reason.SCORE, "aesthetic 4.9, expected at least 5")
    assert keys[0] not in dropped
    assert keys[3] not in dropped


def test_a_missing_score_is_what_the_recipe_says():
    strict = ScreenRules(max_scores={"punsafe": 0.1}, missing_scores="reject")
    with pytest.raises(RejectedItem) as rejected:
        check_scores({"aesthetic": 7.0}, strict)
    assert (rejected.value.reason, rejected.value.detail) == (Reason.SCORE, "no punsafe, expected at most 0.1")
    check_scores({"punsafe": 0.0}, strict)
    check_scores({}, ScreenRules(max_scores={"punsafe": 0.1}))


def test_a_denied_image_is_dropped_by_digest_by_looks_and_by_its_fakes(world: Path, plain: BuildFolder, tmp_path: Path):
    aligned = list(AlignStage(plain).store.records(0, AlignedPair))
    reals = [pair.screened for pair in aligned]
    data = RealsStage(plain).store.read_blob(reals[1].blob)
    entries = {
        reals[0].image.key: reals[0].image.sha256,
        reals[1].image.key: hashlib.md5(data, usedforsecurity=False).hexdigest(),
        reals[2].image.key: reals[2].facts.phash,
        aligned[3].pair_id: aligned[3].phashes["vae"],
    }
    assert aligned[3].phashes["vae"] not in {pair.screened.facts.phash for pair in aligned}
    deny = world / "deny.txt"
    deny.write_text("".join(f"{entry}  # {name}\n" for name, entry in entries.items()))
    settings = '[screen]\ndeny = ["deny.txt"]\ndeny_radius = 0\n'
    build = build_of(world, tmp_path, settings)
    run_until(build, "align")
    dropped = [*rejects(ScreenStage(build)).values(), *rejects(AlignStage(build)).values()]
    denied = {reject.key: reject for reject in dropped if reject.reason is Reason.DENIED}
    assert set(denied) == set(entries)
    assert denied[aligned[3].pair_id].stage == "align"
    assert denied[aligned[3].pair_id].detail.startswith("member vae looks like")
    assert AlignStage(build).counts().forwarded == len(aligned) - 4
    deny.write_text("")
    assert "screen" in run_until(build_of(world, tmp_path, settings), "screen")


def test_what_is_missing_or_unknown_is_named_before_anything_is_done(world: Path, safety_model: Path, tmp_path: Path):
    build = build_of(world, tmp_path, '[screen]\ndeny = ["none.txt"]')
    with pytest.raises(DatasetError, match=r"world\S*/none\.txt: no deny-list"):
        check_inputs(build)
    with pytest.raises(RecipeError, match=r"`screen\.max_scores\.punsafe` = nan"):
        build_of(world, tmp_path, "[screen]\nmax_scores = { punsafe = nan }")
    with pytest.raises(ModelError, match="no model folder"):
        check_inputs(build_of(world, tmp_path, with_safety("./none", 0.5)))
    with pytest.raises(ModelError, match=r"no class 'nsfw'.*its classes are gore, nude, safe"):
        check_inputs(build_of(world, tmp_path, with_safety(safety_model, 0.5, '["nsfw"]')))
    headless = tmp_path / "headless"
    headless.mkdir()
    shutil.copy(safety_model / "model.safetensors", headless)
    with pytest.raises(ModelError, match=r"config\.json: names no classes"):
        check_inputs(build_of(world, tmp_path / "out", with_safety(headless, 0.5)))


def probabilities(model: Path, images: Sequence[Pixels]) -> list[float]:
    """What the model says when it is asked without this project."""
    import torch
    from transformers import ViTForImageClassification, ViTImageProcessor

    processor = ViTImageProcessor.from_pretrained(model)
    classifier = ViTForImageClassification.from_pretrained(model).eval()
    with torch.no_grad():
        inputs = [processor(Image.fromarray(pixels), return_tensors="pt")["pixel_values"] for pixels in images]
        shares = classifier(pixel_values=torch.cat(inputs)).logits.softmax(dim=1)
    return [float(share) for share in 1 - shares[:, 0]]


def test_a_model_judges_reals_before_and_fakes_after_generation(
    world: Path, plain: BuildFolder, safety_model: Path, tmp_path: Path
):
    selected = [record.screened for record in SelectStage(plain).store.records(0, SelectedImage)]
    store = RealsStage(plain).store
    images = [to_upright(decode(store.read_blob(record.blob)), record.facts) for record in selected]
    keys = [record.image.key for record in selected]
    reals = dict(zip(keys, probabilities(safety_model, images), strict=True))
    generated = GenerateStage(plain, "vae").store
    made = list(generated.records(0, GeneratedFake))
    natives = [decode(generated.read_blob(record.native)) for record in made if record.native is not None]
    fakes = dict(zip((record.pair_id[:16] for record in made), probabilities(safety_model, natives), strict=True))
    # a threshold that drops some reals, and some fakes of reals that pass, with room on both sides
    levels = sorted([*reals.values(), *fakes.values()])
    gaps = [(high - low, (high + low) / 2) for low, high in itertools.pairwise(levels)]
    threshold = max(
        (gap, middle)
        for gap, middle in gaps
        if any(p >= middle for p in reals.values()) and any(fakes[k] >= middle > reals[k] for k in fakes)
    )[1]

    build = build_of(world, tmp_path, with_safety(safety_model, threshold))
    run_until(build, "manifest")
    unsafe_reals = {key for key, p in reals.items() if p >= threshold}
    assert set(rejects(SafetyStage(build))) == unsafe_reals
    judged = rejects(FakeSafetyStage(build))
    assert set(judged) == {f"{k}-scene" for k, p in fakes.items() if p >= threshold and k not in unsafe_reals}
    assert all(reject.detail.startswith("vae: nude or gore: ") for reject in judged.values())
    assert {reject.reason for reject in [*judged.values(), *rejects(SafetyStage(build)).values()]} == {Reason.UNSAFE}
    counts = {count.name: count for count in stage_counts(build)}
    assert counts["frame"].seen == counts["safety"].forwarded == len(keys) - len(unsafe_reals)
    assert counts["align"].seen == counts["safety-fakes"].forwarded == counts["frame"].forwarded - len(judged)
    assert list(check_build(build)) == []

    again = build_of(world, tmp_path, with_safety(safety_model, threshold, '["gore"]'))
    assert run_until(again, "select") == []
    assert SafetyStage(again).pending() == [0]


def test_changed_weights_are_asked_again(world: Path, safety_model: Path, tmp_path: Path):
    model = tmp_path / "model"
    shutil.copytree(safety_model, model)
    build = build_of(world, tmp_path / "out", with_safety(model, 1.0))
    run_until(build, "safety")
    assert SafetyStage(build).pending() == []
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    assert SafetyStage(build).pending() == [0]


def test_without_a_model_there_is_no_stage_of_safety(plain: BuildFolder):
    assert [stage.name for stage in build_stages(plain) if "safety" in stage.name] == []


def test_the_documented_table_is_one_that_recipes_take():
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    snippet = page.partition("\n## Safety\n")[2].partition("```toml\n")[2].partition("```")[0]
    rules = ScreenRules.model_validate(tomllib.loads(snippet)["screen"])
    assert rules.safety is not None
    assert set(rules.max_scores) == {"punsafe", "pwatermark"}
