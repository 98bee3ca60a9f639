from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import nn

from classifier.backends import (
    WORTH_A_PROBE,
    WORTH_COMPILING,
    backend_named,
    candidates,
    checked,
    choose,
    run_by,
)
from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.network import Network
from classifier.prediction import answers
from classifier.report import DetectorConfig
from manifests.errors import ModelError
from pixels.arrays import Pixels


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))
    return Network(nn.Sequential(*layers), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)).eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_all_backends_answer_alike_and_the_fastest_is_taken(network: Network, images: torch.Tensor):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    choice = choose(network, images, ("bf16", "onnxruntime", "openvino"), seconds=0.02)
    assert [trial.name for trial in choice.trials] == ["eager", "bf16", "onnxruntime", "openvino"]
    assert not any(trial.refused for trial in choice.trials)
    fastest = max(choice.trials, key=lambda trial: trial.images_per_second)
    assert choice.name == fastest.name
    with torch.inference_mode():
        expected = torch.sigmoid(network(images))
        assert torch.sigmoid(choice.run(images)) == pytest.approx(expected, abs=0.01)
        assert choice.run(images[:2]).shape == (2,)


@pytest.fixture(scope="module")
def steep(network: Network, images: torch.Tensor) -> Network:
    """So steep about the first image's logit that its rounding to 16 bits decides the answer."""
    with torch.inference_mode():
        level = float(network(images[:1]))

    class Steep(nn.Module):
        def forward(self, scaled: torch.Tensor) -> torch.Tensor:
            return (network.backbone(scaled) - level) * 1e4

    return Network(Steep(), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)).eval()


def detector_of(network: Network) -> Detector:
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2), threshold=0.5, generators=("sd",), dataset_name="", dataset_digest="",
        training=ClassifierConfig(backbone="test_resnet"),
    )  # fmt: skip
    return Detector(network, config)


def png(pixels: Pixels) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_backend_that_a_person_named_is_held_to_the_same(network: Network, steep: Network, images: torch.Tensor):
    files = [(str(number), png(pixels)) for number, pixels in enumerate(images.permute(0, 2, 3, 1).numpy())]
    assert all(answer.verdict for answer in answers(run_by(detector_of(network), "bf16"), files, batch=2))
    assert all(answer.verdict for answer in answers(run_by(detector_of(steep), "eager"), files, batch=2))
    with pytest.raises(ModelError, match=r"differ by up to 0\.\d+ from those of 32-bit PyTorch, and at most 0\.01 is"):
        list(answers(run_by(detector_of(steep), "bf16"), files, batch=2))


def test_a_named_backend_is_checked_before_there_are_images(network: Network):
    class NoNumber(nn.Module):
        def forward(self, scaled: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = network.backbone(scaled)
            return logits * torch.nan if torch.is_autocast_enabled("cpu") else logits

    assert checked(run_by(detector_of(network), "bf16")).runner is not None
    with pytest.raises(ModelError, match=r"differ by up to 1\.000 .* Choose another --backend"):
        checked(run_by(detector_of(Network(NoNumber(), (0.5,) * 3, (0.5,) * 3).eval()), "bf16"))


def test_a_backend_with_other_probabilities_is_out(steep: Network, images: torch.Tensor):
    choice = choose(steep, images, ("bf16",), seconds=0.01)
    assert choice.name == "eager"
    assert "probabilities differ" in choice.trials[1].refused


def test_a_backend_that_cannot_run_is_passed_over(images: torch.Tensor):
    class NoHalf(nn.Module):
        def forward(self, scaled: torch.Tensor) -> torch.Tensor:
            if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("not in 16 bits\nand more")
            return scaled.mean((2, 3))[:, :1]

    choice = choose(Network(NoHalf(), (0.5,) * 3, (0.5,) * 3).eval(), images, ("bf16",), seconds=0.01)
    assert choice.name == "eager"
    assert choice.trials[1].refused == "not in 16 bits"


def test_an_unknown_backend_is_told():
    assert backend_named("openvino") == "openvino"
    with pytest.raises(ModelError, match="choose auto, eager"):
        backend_named("tensorrt")


def test_few_images_are_not_worth_a_probe():
    assert candidates("cpu", WORTH_A_PROBE - 1) == ()
    assert "openvino" in candidates("cpu", WORTH_A_PROBE)
    assert "compile" not in candidates("cpu", WORTH_A_PROBE)
    assert "compile" in candidates("cpu", WORTH_COMPILING)
    assert candidates("cuda", WORTH_A_PROBE) == ("bf16", "compile")
