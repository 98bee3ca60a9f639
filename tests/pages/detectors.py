"""A tiny detector with random weights."""

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.network import new_network
from classifier.report import DetectorConfig


def tiny_detector() -> Detector:
    training = ClassifierConfig(backbone="test_resnet")
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.5, temperature=3.0, generators=("sd",), dataset_name="little-world",
        dataset_digest="", training=training,
    )  # fmt: skip
    return Detector(new_network(training, 32).eval(), config)
