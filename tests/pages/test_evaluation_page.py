"""The evaluation's page: every figure is there, in one file that asks for nothing."""

import io
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from classifier.comparison import Candidate, Standing
from classifier.evaluation import evaluate
from classifier.evaluation_report import Evaluation
from classifier.examples import Described, Example
from classifier.images import judged_pixels
from pages.audit_images import NamedImage, thumbnails
from pages.evaluation_figures import grids, roc_traces
from pages.evaluation_page import render_evaluation, shown_names
from pixels.encode import png
from tests.pages.page import HOSTILE, Page

Pixels = NDArray[np.uint8]


class ByBrightness:
    """Calls bright images fake."""

    def __init__(self, cut: float) -> None:
        self.cut = cut

    def logits(self, images: Sequence[Pixels]) -> NDArray[np.float64]:
        return np.array([(image.mean() - self.cut) / 20 for image in images])


def examples(labels: Sequence[int] = (0, 1)) -> list[Example]:
    """Reals of a source with a hostile name, and fakes of two generators."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(24):
        for label in labels:
            pixels = np.clip(rng.normal(110 + 25 * label + 3 * number % 30, 10, (24, 24, 3)), 0, 255).astype(np.uint8)
            generator = ("sd", "gan")[number % 2] if label else ""
            name = f"{number}/{generator or HOSTILE}"
            found.append(
                Example(
                    name=name, label=label, group=str(number), generator=generator, source=HOSTILE, data=png(pixels)
                )
            )
    return found


def candidate(name: str, cut: float) -> Candidate:
    standing = Standing(
        name=name, kind="twinset", threshold_from="validation", dataset=HOSTILE, generators=frozenset({"sd"})
    )
    return Candidate(standing, ByBrightness(cut), 24)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    candidates = [candidate("first", 120), candidate(HOSTILE, 130)]
    return evaluate(examples, Described(name=HOSTILE, notes=(HOSTILE,)), candidates, robustness_groups=5)[0]


def page(evaluation: Evaluation, labels: Sequence[int] = (0, 1)) -> str:
    images = (NamedImage(example.name, example.data, example.label == 0) for example in examples(labels))
    return render_evaluation(evaluation, thumbnails(images, shown_names(evaluation)))


def test_it_is_one_well_formed_file_that_asks_for_nothing(evaluation: Evaluation):
    html = page(evaluation)
    read = Page(html)
    assert read.open == []
    assert "script" not in {name for name, _ in read.elements}
    for name, attributes in read.elements:
        for key in ("src", "href"):
            value = attributes.get(key) or ""
            assert value.startswith(("data:", "#")) or not value, (name, value)
    assert HOSTILE not in html


def test_every_detector_has_its_figures_curves_and_galleries(evaluation: Evaluation):
    html = page(evaluation)
    words = Page(html).words()
    for detector in evaluation.detectors:
        assert f"{detector.metrics.auc:.3f}" in words
    for text in ("held out", "Under processing", "that it gets most wrong", "that it is surest of", "least sure of"):
        assert text in words
    assert Page(html).count("symbol") == len(shown_names(evaluation))


def test_fakes_alone_have_neither_curve_nor_auc():
    fakes = partial(examples, labels=(1,))
    found = evaluate(fakes, Described(name="fakes"), [candidate("first", 120)], robustness_groups=5)[0]
    words = Page(page(found, (1,))).words()
    assert "recall is all that can be measured" in words
    assert "ROC" not in words
    assert "nan" not in words.lower().split()


def test_curves_have_their_detectors_colours_and_grids_their_sides(evaluation: Evaluation):
    assert [trace.colour for trace in roc_traces(evaluation.detectors)] == [0, 1, 2]
    robustness = evaluation.detectors[0].robustness
    assert robustness is not None
    drawn = {grid.family: grid.plot for grid in grids(robustness)}
    assert [curve.name for curve in drawn["JPEG quality"].curves] == ["both", "reals only", "fakes only"]
    assert "chains" not in drawn
    assert len(drawn["JPEG quality"].curves[0].points.split()) == 8


def test_what_was_judged_is_shown_as_it_was_judged():
    upright = Image.new("RGBA", (30, 60), (200, 0, 0, 128))
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    data = [encoded(upright, "PNG"), encoded(upright.convert("RGB"), "JPEG", exif=turned), b"no image"]
    images = [NamedImage(str(number), each, is_real=True) for number, each in enumerate(data)]
    shown = thumbnails(images, ["0", "1", "2"], judged_pixels)
    sizes = {name: Image.open(io.BytesIO(b64decode(each.uri.partition(",")[2]))).size for name, each in shown.items()}
    assert sizes == {"0": (30, 60), "1": (60, 30)}


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()
