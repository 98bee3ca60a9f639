import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import typer
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from classifier.calibration import logits_of
from classifier.comparison import Candidate, Standing, ensemble
from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.evaluation import evaluate
from classifier.evaluation_report import Evaluation
from classifier.examples import Described, Example
from classifier.network import new_network
from classifier.report import DetectorConfig
from classifier.robustness import at_least
from flows.evaluation_images import open_images
from manifests.dataset import Dataset
from manifests.errors import DatasetError, TwinsetError
from twinset.commands.evaluate import evaluate as command

Pixels = NDArray[np.uint8]
SIDE = 48


class ByBrightness:
    """Calls bright images fake: the origin of the images made here."""

    def logits(self, images: Sequence[Pixels]) -> NDArray[np.float64]:
        return np.array([(image.mean() - 128) / 10 for image in images])


class BySharpness:
    """Calls smooth images fake: a trace of processing."""

    def logits(self, images: Sequence[Pixels]) -> NDArray[np.float64]:
        return np.array([20 - np.abs(np.diff(image.astype(float), axis=1)).mean() for image in images])


def candidate(name: str, scorer: ByBrightness | BySharpness, **known: object) -> Candidate:
    return Candidate(Standing(name=name, kind="test", **known), scorer, SIDE)  # type: ignore[arg-type]


BRIGHT = candidate("bright", ByBrightness(), generators=frozenset({"sd"}), sources=frozenset({"coco"}))
SHARP = candidate("sharp", BySharpness(), temperature=2.0, threshold=0.6, threshold_from="validation")


def png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def picture(number: int, brightness: float, side: int = SIDE) -> Pixels:
    """Grain of equal strength everywhere; the mean tells what it is."""
    rng = np.random.default_rng(number)
    return np.clip(rng.normal(brightness, 20, (side, side, 3)), 0, 255).astype(np.uint8)


def pairs(count: int = 20) -> Iterator[Example]:
    """Reals of two sources; of each a fake by one generator or the other. The fakes of `gan` are hard to tell."""
    for number in range(count):
        source, generator = ("coco", "sd") if number % 2 else ("laion", "gan")
        common = {"group": f"g{number}", "source": source}
        yield Example(name=f"{number}/real", label=0, data=png(picture(number, 110)), **common)
        brightness = 150 if generator == "sd" else 128 + (number % 4 - 1) * 8
        data = png(picture(1000 + number, brightness))
        yield Example(name=f"{number}/{generator}", label=1, generator=generator, data=data, **common)


def evaluated(*candidates: Candidate, examples: Callable[[], Iterator[Example]] = pairs, groups: int = 0) -> Evaluation:
    return evaluate(examples, Described(name="set"), candidates, robustness_groups=groups)[0]


def test_every_generator_meets_the_reals_of_its_own_pairs_and_what_is_held_out_is_named():
    found = evaluated(BRIGHT).detectors[0]
    assert {(part.name, part.held_out) for part in found.by_generator} == {("sd", False), ("gan", True)}
    assert {(part.name, part.held_out) for part in found.by_source} == {("coco", False), ("laion", True)}
    # `sd` was made from `coco` only, and `gan` from `laion`
    cells = {(cell.generator, cell.source): cell for cell in found.table}
    assert set(cells) == {("sd", "coco"), ("gan", "laion")}
    assert cells["gan", "laion"].held_out_generator
    assert cells["gan", "laion"].metrics.n_real == cells["gan", "laion"].metrics.n_fake == 10
    by_generator = {part.name: part.metrics for part in found.by_generator}
    assert by_generator["sd"].auc == 1
    assert by_generator["gan"].recall == 0.5
    assert "auc" in found.metrics.intervals


def test_a_generator_of_one_view_does_not_meet_the_reals_of_another():
    def views() -> Iterator[Example]:
        for example in pairs():
            yield replace(example, view="scene")
            if example.generator != "gan":
                yield replace(example, name=f"{example.name}/patch", view="patch")

    found = evaluated(BRIGHT, examples=views).detectors[0]
    parts = {part.name: part.metrics for part in found.by_generator}
    assert (parts["gan"].n_real, parts["gan"].n_fake) == (10, 10)
    assert (parts["sd"].n_real, parts["sd"].n_fake) == (20, 20)
    assert {cell.generator: cell.metrics.n_real for cell in found.table} == {"gan": 10, "sd": 20}


def test_unpaired_fakes_meet_the_reals_of_every_source():
    def unpaired() -> Iterator[Example]:
        for example in pairs():
            source = example.source if example.label == 0 else "midjourney"
            yield Example(
                name=example.name, label=example.label, generator=example.generator, source=source, data=example.data
            )

    cells = {(cell.generator, cell.source): cell for cell in evaluated(BRIGHT, examples=unpaired).detectors[0].table}
    assert set(cells) == {(generator, source) for generator in ("sd", "gan") for source in ("coco", "laion")}


def test_fakes_alone_have_recall_and_say_so():
    found = evaluated(BRIGHT, examples=lambda: (example for example in pairs() if example.label == 1))
    metrics = found.detectors[0].metrics
    assert metrics.recall == 0.75
    assert (metrics.auc, metrics.false_positive_rate) == (None, None)
    assert any("recall is all that can be measured" in note for note in found.data.notes)


def test_what_cannot_be_scored_is_counted_by_reason():
    def with_broken() -> Iterator[Example]:
        yield from pairs(6)
        yield Example(name="text", label=0, data=b"no image at all")
        yield Example(name="gone", label=0, problem="cannot be read")
        yield Example(name="small", label=1, data=png(picture(1, 100, side=20)))

    found = evaluated(BRIGHT, examples=with_broken).data
    assert found.skipped == {"not-an-image": 1, "smaller than 48 pixels": 1, "unreadable": 1}
    assert (found.n_real, found.n_fake) == (6, 6)
    with pytest.raises(DatasetError, match="no image could be scored"):
        evaluated(BRIGHT, examples=lambda: iter([Example(name="text", label=0, data=b"no image at all")]))


def test_images_that_look_the_same_are_one_group():
    same = png(picture(7, 100))
    twice = [Example(name=name, label=0, data=same) for name in ("a", "b")]
    other = Example(name="c", label=1, data=png(picture(8, 160)))
    assert evaluated(BRIGHT, examples=lambda: iter([*twice, other])).data.groups == 2


def test_the_ensemble_is_the_mean_of_calibrated_logits_with_the_mean_of_the_thresholds():
    found, scored = evaluate(pairs, Described(name="set"), [BRIGHT, SHARP])
    assert [detector.name for detector in found.detectors] == ["bright", "sharp", "ensemble"]
    expected = (scored.logits["bright"] + scored.logits["sharp"] / 2) / 2
    assert scored.logits["ensemble"] == pytest.approx(expected)
    joint = ensemble([BRIGHT.standing, SHARP.standing])
    assert float(logits_of(np.array([joint.threshold]))[0]) == pytest.approx(np.log(0.6 / 0.4) / 4)
    assert joint.generators is None
    assert joint.threshold_from == "published"
    assert found.detectors[0].auc_difference is None
    difference = found.detectors[1].auc_difference
    aucs = [detector.metrics.auc or 0 for detector in found.detectors]
    assert difference is not None
    assert difference.value == pytest.approx(aucs[1] - aucs[0], abs=1e-6)


def test_galleries_begin_with_the_gravest_mistakes_and_the_surest_answers():
    fakes = evaluated(BRIGHT).detectors[0].galleries[1]
    assert fakes.label == "fake"
    assert {image.generator for image in fakes.mistakes} == {"gan"}
    wrong = [image.probability for image in fakes.mistakes]
    assert wrong == sorted(wrong)
    assert max(wrong) <= 0.5
    surest = [image.probability for image in fakes.most_confident]
    assert surest == sorted(surest, reverse=True)


def test_processing_one_class_alone_tells_a_reader_of_processing_from_a_reader_of_origin():
    found = evaluated(BRIGHT, SHARP, groups=6)
    bright, sharp, joint = (detector.robustness for detector in found.detectors)
    assert bright is not None
    assert sharp is not None
    assert joint is not None
    assert (bright.n_real, bright.n_fake) == (6, 6)
    assert not any(one.follows_processing for one in bright.perturbed)
    blurred = {one.name: one for one in sharp.perturbed}["blur 2"]
    assert blurred.follows_processing
    alone = {result.side: result.auc for result in blurred.results}
    assert alone["fakes"] == 1
    assert alone["reals"] == 0
    assert {one.family for one in joint.perturbed} >= {"JPEG quality", "WebP quality", "resize factor", "chains"}


def test_small_images_are_mirrored_and_not_resampled():
    pixels = picture(0, 100, side=5)
    grown = at_least(pixels, 12)
    assert grown.shape == (12, 12, 3)
    assert (grown[:5, :5] == pixels).all()
    assert (grown[5:10, :5] == pixels[::-1]).all()
    assert at_least(pixels, 5) is pixels


def test_a_split_of_a_dataset_and_images_that_stand_alone(make_dataset: Callable[..., Dataset]):
    dataset = make_dataset({"train": 2, "test": 3}, shards=1)
    images = open_images(dataset.root, None)
    examples = list(images.examples())
    assert (images.described.split, images.described.digest) == ("test", "feed")
    assert [(example.label, example.generator) for example in examples] == [(1, "blur"), (0, "")] * 3
    assert len({example.group for example in examples}) == 3
    name = examples[0].name
    assert [(found, real) for found, _, real in images.pick({name})] == [(name, False)]
    with pytest.raises(DatasetError, match="validation is empty"):
        open_images(dataset.root, "validation")
    alone = make_dataset({"test": 4}, shards=1, fakes_alone=1)
    assert [example.label for example in open_images(alone.root, "test").examples()] == [0, 1, 0, 1]


def test_a_folder_of_one_class_without_labels(tmp_path: Path):
    (tmp_path / "mine" / "sd").mkdir(parents=True)
    (tmp_path / "mine" / "sd" / "1.png").write_bytes(png(picture(1, 150)))
    (tmp_path / "mine" / "2.png").write_bytes(png(picture(2, 150)))
    (tmp_path / "mine" / "notes.txt").write_text("no image")
    images = open_images(str(tmp_path / "mine"), None, of_class="fake")
    found = [(example.name, example.label, example.generator) for example in images.examples()]
    assert found == [("2.png", 1, "mine"), ("sd/1.png", 1, "sd")]
    assert [(name, real) for name, _, real in images.pick({"2.png"})] == [("2.png", False)]


def test_folders_are_called_by_their_whole_names(tmp_path: Path):
    for name in ("photos.v1", "photos.v2"):
        (tmp_path / name / "real").mkdir(parents=True)
        (tmp_path / name / "real" / "1.png").write_bytes(png(picture(1, 100)))
        assert open_images(str(tmp_path / name), None).described.name == name


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained one."""
    folder = tmp_path_factory.mktemp("detectors") / "untrained"
    config = ClassifierConfig(backbone="test_resnet", image_size=SIDE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = new_network(config, SIDE).eval()
    settings = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=SIDE, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2),
        threshold=0.5, generators=("sd",), sources=("coco",), dataset_name="tiny", dataset_digest="feed", training=config,
        run="0" * 64,
    )  # fmt: skip
    Detector(network, settings).save(folder)
    return folder


def test_a_checkpoint_from_elsewhere_has_a_published_threshold(detector: Path):
    trained = Detector.load(detector)
    elsewhere = Detector(
        trained.network, trained.config.model_copy(update={"run": "", "generators": (), "sources": ()})
    )
    here, published = (Candidate.of_detector("x", one).standing for one in (trained, elsewhere))
    assert (here.kind, here.threshold_from, here.generators) == ("twinset", "validation", frozenset({"sd"}))
    assert (published.kind, published.threshold_from, published.generators) == ("checkpoint", "published", None)


def test_the_command_measures_a_folder_of_reals_and_fakes(detector: Path, tmp_path: Path):
    for example in pairs(6):
        place = tmp_path / "images" / ("fake/sd" if example.label else "real")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{example.group}.png").write_bytes(example.data)
    (tmp_path / "images" / "real" / "\x1b[31mbroken.png").write_bytes(b"\x89PNG broken")
    result = run(str(detector), str(tmp_path / "images"), "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.html", "metrics.json", "predictions.parquet",
    ]  # fmt: skip
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert sum(Evaluation.model_validate(metrics).data.skipped.values()) == 1
    assert (metrics["data"]["n_real"], metrics["data"]["n_fake"]) == (6, 6)
    found = metrics["detectors"][0]
    assert (found["name"], found["threshold_from"]) == ("untrained", "validation")
    assert [part["held_out"] for part in found["by_generator"]] == [False]
    assert pq.read_table(tmp_path / "out" / "predictions.parquet").num_rows == 12


def test_a_list_that_names_an_image_twice_and_a_terminal_of_eighty_columns(detector: Path, tmp_path: Path):
    lines = ["path,label"]
    for example in pairs(6):
        name = f"{example.group}-{example.label}.png"
        (tmp_path / name).write_bytes(example.data)
        lines += [f"{name},{'fake' if example.label else 'real'}"] * (2 if example.label else 1)
    (tmp_path / "list.csv").write_text("\n".join(lines))
    result = run(
        str(detector), str(tmp_path / "list.csv"), "--robustness", "--robustness-groups", "6",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "list: 6 reals, 6 fakes" in result.output
    assert "Not scored: 6 listed twice." in result.output
    # no bound is cut off
    assert "…" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alone"], "at least one detector"),
        (["resnet=x.pth", "{images}"], "no baseline is called 'resnet'"),
        (["npr=nowhere.pth", "{images}"], "no such file of weights"),
        (["{images}", "{images}"], "no detector here"),
        (["org/detector", "nowhere"], "there is no such folder"),
        (["org/detector", "{images}/real"], "images of one class alone are given with --all real or --all fake"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], message: str, tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "1.png").write_bytes(png(picture(1, 100)))
    result = run(*[argument.format(images=tmp_path) for argument in arguments], "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, TwinsetError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_a_finished_dataset(make_dataset: Callable[..., Dataset], detector: Path):
    dataset = make_dataset({"test": 6}, side=SIDE)
    before = dataset.folder.files()
    result = run(str(detector), dataset.root, "--out", f"{dataset.root}/evaluation")
    assert isinstance(result.exception, DatasetError)
    assert "which stays as it is" in str(result.exception)
    assert dataset.folder.files() == before


def test_a_folder_that_cannot_be_written_is_told_before_a_detector_is_opened(tmp_path: Path):
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(png(picture(1, 100)))
    (tmp_path / "taken").write_bytes(b"")
    result = run("org/detector", str(tmp_path), "--out", str(tmp_path / "taken"))
    assert isinstance(result.exception, DatasetError)
    assert "cannot write here" in str(result.exception)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))
