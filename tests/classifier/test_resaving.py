import numpy as np
import pytest

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.network import new_network
from classifier.perturbations import GRID
from classifier.report import DetectorConfig
from classifier.resaving import RESAVINGS, resaved


def detector_of(**settings: object) -> Detector:
    training = ClassifierConfig(backbone="test_resnet")
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.5, temperature=3.0, generators=("sd",), dataset_name="", dataset_digest="",
        training=training, **settings,
    )  # fmt: skip
    return Detector(new_network(training, 32).eval(), config)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_each_way_of_saving_has_its_verdict():
    detector = detector_of()
    found = resaved(detector, noise(200, 160))
    assert [each.name for each in found] == [kind.name for kind in RESAVINGS]
    assert {each.family for each in found} == {"JPEG quality", "WebP quality", "resize factor"}
    for kind, each in zip(RESAVINGS, found, strict=True):
        [score] = detector.predict([kind.apply(noise(200, 160), "resaving")])
        assert each.probability == pytest.approx(1 / (1 + np.exp(-np.log(score / (1 - score)) / 3)), abs=0.05)
        assert each.verdict == ("fake" if score > 0.5 else "real") or abs(score - 0.5) < 0.02


def test_of_a_large_image_the_same_window_is_seen_as_of_the_whole():
    detector, pixels = detector_of(), noise(640, 900)
    quality = [kind for kind in GRID if kind.name == "JPEG 30"]
    [found] = resaved(detector, pixels, quality)
    [whole] = resaved(detector_of(fit="resize", resize_to=640), pixels, quality)
    assert found.probability == pytest.approx(whole.probability, abs=0.02)


def test_small_images_are_judged_too():
    assert len(resaved(detector_of(), noise(32, 32))) == len(RESAVINGS)
    assert len(resaved(detector_of(fit="resize", resize_to=40), noise(20, 30))) == len(RESAVINGS)
