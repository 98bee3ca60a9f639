from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.heatmap import heat_map
from classifier.network import Network, new_network
from classifier.report import DetectorConfig
from manifests.errors import ModelError


def detector_of(backbone: str, size: int, options: dict[str, Any] | None = None) -> Detector:
    training = ClassifierConfig(backbone=backbone, backbone_options=options or {})
    config = DetectorConfig(
        twinset="0", backbone=backbone, backbone_options=options or {}, image_size=size, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.5, generators=("sd",), dataset_name="", dataset_digest="", training=training,
    )  # fmt: skip
    torch.manual_seed(0)
    return Detector(new_network(training, size).eval(), config)


class Brightness(nn.Module):
    """A backbone whose logit is the mean brightness of the patches, so that what speaks for "fake" is known."""

    def forward_features(self, images: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(images, 8)

    def forward_head(self, features: Tensor) -> Tensor:
        return features.mean(dim=(1, 2, 3))[:, None]

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


def test_what_speaks_for_a_verdict_is_where_the_map_is_strongest():
    brightness = Detector(
        Network(Brightness(), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), detector_of("test_resnet", 32).config
    )
    window = np.full((32, 32, 3), 128, np.uint8)
    window[:8, 24:] = 250
    window[24:, :8] = 10
    fake, real = (heat_map(brightness, window, verdict).values for verdict in ("fake", "real"))
    assert fake[:8, 24:].max() == real[24:, :8].max() == 1
    assert fake[24:, :8].max() < 0.1
    assert real[:8, 24:].max() < 0.1


@pytest.mark.parametrize(
    ("backbone", "size", "options", "grid"),
    [
        ("test_resnet", 64, None, (2, 2)),
        ("test_convnext", 96, None, (3, 3)),
        ("test_efficientnet", 64, None, (2, 2)),
        ("test_mambaout", 64, None, (2, 2)),  # channels last
        ("test_vit", 160, None, (10, 10)),
        ("test_vit2", 64, {"img_size": 64}, (4, 4)),
    ],
)
def test_any_backbone_has_a_map_as_large_as_its_window(
    backbone: str, size: int, options: dict[str, Any] | None, grid: tuple[int, int]
):
    detector = detector_of(backbone, size, options)
    window = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    before = detector.predict([window])
    maps = [heat_map(detector, window, verdict) for verdict in ("fake", "real")]
    assert {found.grid for found in maps} == {grid}
    for found in maps:
        assert found.values.shape == (size, size)
        assert found.values.dtype == np.float32
        assert found.values.min() >= 0
        assert found.values.max() in (0, pytest.approx(1))
    assert any(found.values.max() > 0 for found in maps)
    assert detector.predict([window]) == pytest.approx(before)
    assert all(weight.grad is None for weight in detector.network.parameters())


def test_a_backbone_without_a_map_is_named():
    detector = detector_of("mixer_s32_224", 224)
    with pytest.raises(ModelError, match="MlpMixer"):
        heat_map(detector, np.zeros((224, 224, 3), np.uint8), "fake")
