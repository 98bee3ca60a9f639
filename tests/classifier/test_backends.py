import pytest
import torch
from torch import nn

from classifier.backends import WORTH_A_PROBE, WORTH_COMPILING, backend_named, candidates, choose
from classifier.network import Network
from manifests.errors import ModelError


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


def test_a_backend_with_other_probabilities_is_out(network: Network, images: torch.Tensor):
    with torch.inference_mode():
        level = float(network(images[:1]))

    class Steep(nn.Module):
        """So steep about the first image's logit that its rounding to 16 bits decides the answer."""

        def forward(self, scaled: torch.Tensor) -> torch.Tensor:
            return (network.backbone(scaled) - level) * 1e4

    steep = Network(Steep(), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)).eval()
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
