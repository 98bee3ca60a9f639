from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.images import judged_pixels
from classifier.network import new_network
from classifier.prediction import Answer, answers
from classifier.report import DetectorConfig
from manifests.errors import RejectedItem
from manifests.records import Reason


@pytest.fixture(scope="module")
def detector() -> Detector:
    training = ClassifierConfig(backbone="test_resnet")
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.5, temperature=3.0, generators=("sd",), dataset_name="", dataset_digest="",
        training=training,
    )  # fmt: skip
    return Detector(new_network(training, 32).eval(), config)


def encoded(number: int, mode: str = "RGB", form: str = "PNG", side: int = 40, **options: object) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def test_the_broken_get_reasons_and_the_others_answers(detector: Detector):
    broken = {3: b"", 7: b"<html>", 11: encoded(1)[:200], 15: encoded(2, side=16)}
    images = [(f"{number}.png", broken.get(number, encoded(number))) for number in range(20)]
    found = list(answers(detector, images, batch=8))
    assert [answer.image for answer in found] == [name for name, _ in images]
    assert {number: answer.reason for number, answer in enumerate(found) if answer.verdict is None} == {
        3: Reason.NOT_AN_IMAGE,
        7: Reason.NOT_AN_IMAGE,
        11: Reason.TRUNCATED,
        15: Reason.TOO_SMALL,
    }
    assert all((answer.verdict is None) == (answer.probability is None) == bool(answer.detail) for answer in found)


def test_the_verdict_goes_by_the_threshold_and_the_probability_is_calibrated(detector: Detector):
    image = encoded(0)
    [answer] = answers(detector, [("a.png", image)], batch=4)
    [logit] = detector.logits([judged_pixels(image)])
    assert answer.score == pytest.approx(1 / (1 + np.exp(-logit)))
    assert answer.probability == pytest.approx(1 / (1 + np.exp(-logit / 3)))
    assert answer.score is not None
    for threshold, verdict in ((answer.score - 1e-3, "fake"), (answer.score + 1e-3, "real")):
        [moved] = answers(detector.with_threshold(threshold), [("a.png", image)], batch=4)
        assert moved.verdict == verdict


def test_images_are_asked_for_a_batch_at_a_time(detector: Detector):
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield f"{asked}.png", encoded(0)

    stream = answers(detector, endless(), batch=4)
    assert isinstance(next(stream), Answer)
    assert asked == 4


def test_what_could_not_be_had_keeps_its_reason(detector: Detector):
    [answer] = answers(detector, [("http://a/b", RejectedItem(Reason.TIMEOUT, "30 s"))], batch=1)
    assert (answer.reason, answer.detail, answer.verdict) == (Reason.TIMEOUT, "30 s", None)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "L", "1"])
def test_whatever_eight_bits_hold_is_judged(mode: str):
    assert judged_pixels(encoded(0, mode)).shape == (40, 40, 3)


def test_it_is_seen_as_a_viewer_shows_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    plain = judged_pixels(encoded(0, form="JPEG", quality=95))
    turned = judged_pixels(encoded(0, form="JPEG", quality=95, exif=exif))
    assert np.array_equal(turned, np.rot90(plain, -1))


def test_what_is_not_read_says_so():
    with pytest.raises(RejectedItem, match="AVIF is not read: convert"):
        judged_pixels(b"\0\0\0\x1cftypavif" + b"\0" * 40)
    deep = BytesIO()
    Image.fromarray(np.full((40, 40), 40_000, np.uint16)).save(deep, "PNG")
    with pytest.raises(RejectedItem, match="8 bits"):
        judged_pixels(deep.getvalue())
    with pytest.raises(RejectedItem, match="too-large"):
        judged_pixels(encoded(0), max_pixels=1000)
