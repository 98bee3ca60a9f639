"""Detectors of others, built at random in the layouts in which they are published."""

import os
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet50

from classifier.checkpoints import read_weights
from classifier.heads import mlp
from classifier.network import new_backbone
from classifier.opening import open_detector
from classifier.published import published_detector
from manifests.errors import ModelError


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


class SdxlDetector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = resnet50(weights=None)
        self.backbone.fc = mlp(2048)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SdxlDetector]:
    torch.manual_seed(0)
    model = SdxlDetector().eval()
    path = tmp_path_factory.mktemp("published") / "best_model.pt"
    torch.save({"epoch": 12, "model_state_dict": model.state_dict(), "val_acc": 0.9975}, path)
    return path, model


def test_the_sdxl_detector_has_its_published_number_of_parameters():
    with torch.device("meta"):
        backbone = new_backbone("resnet50", {}, "mlp")
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 24_559_170
    assert {f"backbone.{name}" for name in backbone.state_dict()} == set(SdxlDetector().state_dict())


# 197.8, 88.7 and 5.3 million with the 1000 outputs that they were published with
@pytest.mark.parametrize(
    ("name", "millions"), [("convnext_large", 196), ("convnextv2_base", 87), ("efficientnet_b0", 4)]
)
def test_the_other_backbones_have_about_their_published_sizes(name: str, millions: int):
    with torch.device("meta"):
        backbone = new_backbone(name, {}, "linear")
    assert sum(parameter.numel() for parameter in backbone.parameters()) // 1_000_000 == millions


def test_the_published_sdxl_checkpoint_judges_as_torchvision_does(sdxl: tuple[Path, SdxlDetector]):
    path, model = sdxl
    detector = open_detector(str(path), "cpu")
    assert (detector.config.image_size, detector.config.fit, detector.config.resize_to) == (224, "resize", 256)
    images = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        outputs = model.backbone((images / 255 - mean[:, None, None]) / std[:, None, None])
        assert torch.sigmoid(detector.network(images)) == pytest.approx(torch.softmax(outputs, 1)[:, 1], abs=1e-5)
    assert detector.predict([noise(300, 260)]).shape == (1,)


def saved(backbone: str, path: Path, prefix: str = "", outputs: int | None = None) -> dict[str, torch.Tensor]:
    state = new_backbone(backbone, {}, "linear").state_dict()
    if outputs is not None:
        state |= {"fc.weight": torch.randn(outputs, state["fc.weight"].shape[1]), "fc.bias": torch.randn(outputs)}
    named = {f"{prefix}{name}": tensor.contiguous() for name, tensor in state.items()}
    if path.suffix == ".safetensors":
        save_file(named, path)
    else:
        torch.save({"state_dict": named, "hyper_parameters": {"lr": 1e-3}}, path)
    return state


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@pytest.mark.parametrize("fake_output", [0, 1])
def test_another_checkpoint_is_described_beside_it(tmp_path: Path, suffix: str, fake_output: int):
    path = tmp_path / f"theirs{suffix}"
    state = saved("test_resnet", path, "model.net.", outputs=2)
    path.with_suffix(".toml").write_text(
        'backbone = "test_resnet"\nimage_size = 32\nfit = "crop"\ngenerators = ["mj"]\n'
        f'fake_output = {fake_output}\n[checkpoint_prefix]\n"model.net." = "backbone."\n'
    )
    own = published_detector(path).network.backbone.state_dict()
    assert torch.equal(own["conv1.0.weight"], state["conv1.0.weight"])
    difference = state["fc.weight"][fake_output] - state["fc.weight"][1 - fake_output]
    assert torch.allclose(own["fc.weight"][0], difference)


def test_an_undescribed_checkpoint_is_asked_about(tmp_path: Path):
    saved("test_resnet", tmp_path / "theirs.pt")
    with pytest.raises(ModelError, match=r"Say in theirs\.toml beside it what it is"):
        published_detector(tmp_path / "theirs.pt")
    (tmp_path / "theirs.toml").write_text('backbone = "test_resnet"\nside = 3\n')
    with pytest.raises(ModelError, match=r"theirs\.toml: not a description of a checkpoint \(side: "):
        published_detector(tmp_path / "theirs.pt")


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ('backbone = "test_efficientnet"', "not the weights of test_efficientnet with a linear head"),
        (
            'backbone = "test_resnet"\nfit = "crop"\nresize_to = 256',
            "resize_to and augmentation.crop_scale resize images",
        ),
        ('backbone = "test_resnet"\nimage_size = 300\nresize_to = 256', "resize_to = 256 is smaller than the window"),
        ('backbone = "test_resnet"\nimage_size = 40000', "image_size: "),
        ('backbone = "test_resnet"\nnormalisation = [[0, 0, 0], [0, 0, 0]]', "test_resnet answers with no number"),
        ('backbone = "test_resnet"\nhead = "mlp"', "not the weights of test_resnet with a mlp head"),
        ('backbone = "test_resnet"\ncheckpoint_prefix = {"module." = ""}', "begins with 'module.'; they look like"),
        ('backbone = "test_resnet"\ncheckpoint_prefix = {"conv1.0" = "conv1.1"}', "two names in .* become 'conv1.1"),
    ],
)
def test_a_wrong_description_is_told_in_one_line(tmp_path: Path, description: str, told: str):
    saved("test_resnet", tmp_path / "theirs.pt")
    (tmp_path / "theirs.toml").write_text(description)
    with pytest.raises(ModelError, match=told) as raised:
        published_detector(tmp_path / "theirs.pt")
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripted") / "program.pt"
    with warnings.catch_warnings():
        # others still publish such files
        warnings.simplefilter("ignore")
        torch.jit.trace(nn.ReLU(), torch.zeros(1)).save(str(path))
    return path


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bomb.pt", "not a checkpoint of weights alone"),
        ("pickle.pth", "not a checkpoint of weights alone"),
        ("page.pt", "not a checkpoint of weights alone"),
        ("short.pt", "damaged or cut short"),
        ("empty.pt", "damaged or cut short"),
        ("program.pt", "a TorchScript program, and programs are not run"),
        ("numbers.pt", "holds no weights"),
        ("gone.pt", "no such file"),
    ],
)
def test_bad_files_are_told_in_one_line_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripted: Path, name: str, told: str
):
    monkeypatch.chdir(tmp_path)
    torch.save({"model_state_dict": Bomb()}, "bomb.pt")
    Path("pickle.pth").write_bytes(pickle.dumps(Bomb()))
    Path("page.pt").write_text("<html>not found</html>")
    torch.save({"weight": torch.zeros(1000)}, "whole.pt")
    Path("short.pt").write_bytes(Path("whole.pt").read_bytes()[:2000])
    Path("empty.pt").touch()
    torch.save({"epoch": 3}, "numbers.pt")
    shutil.copy(scripted, "program.pt")
    with pytest.raises(ModelError, match=told) as raised:
        read_weights(Path(name))
    assert "\n" not in str(raised.value)
    assert not Path("exploded").exists()
