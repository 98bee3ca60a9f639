import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from classifier.baselines import NprNetwork, load_baseline
from manifests.errors import ModelError

Pixels = NDArray[np.uint8]
IMAGENET = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def picture(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1) / 255


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def cnndetection(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    """A checkpoint as the authors' trainer saves it, and torchvision's network with the same weights."""
    network = torchvision.models.resnet50(num_classes=1).eval()
    path = tmp_path_factory.mktemp("cnndetection") / "blur_jpg_prob0.5.pth"
    torch.save({"model": network.state_dict(), "optimizer": {"state": {}, "param_groups": []}, "total_steps": 7}, path)
    return path, network


def test_cnndetection_answers_as_its_own_network_does_on_whole_images(cnndetection: tuple[Path, nn.Module]):
    path, network = cnndetection
    baseline = load_baseline("cnndetection", "wang2020", str(path), "cpu")
    images = [picture(64, 48), picture(40, 40), picture(64, 48)]
    with torch.inference_mode():
        expected = [float(network(((tensor(image) - IMAGENET[0]) / IMAGENET[1])[None])) for image in images]
    assert baseline.scorer.logits(images) == pytest.approx(expected, abs=1e-4)
    standing = baseline.standing
    assert (standing.name, standing.kind, standing.threshold, standing.threshold_from) == (
        "wang2020", "cnndetection", 0.5, "published",
    )  # fmt: skip
    assert standing.generators is None


def test_npr_has_the_published_names_and_shapes():
    resnet = torchvision.models.resnet50(num_classes=1).state_dict()
    stages = {
        name: tuple(value.shape) for name, value in resnet.items() if name.startswith(("bn1.", "layer1.", "layer2."))
    }
    published = {**stages, "conv1.weight": (64, 3, 3, 3), "fc1.weight": (1, 512), "fc1.bias": (1,)}
    assert {name: tuple(value.shape) for name, value in NprNetwork().state_dict().items()} == published


def test_npr_sees_only_what_pixels_differ_from_their_neighbours_by(tmp_path: Path):
    network = NprNetwork()
    path = tmp_path / "NPR.pth"
    torch.save(network.state_dict(), path)
    scorer = load_baseline("npr", "npr", str(path), "cpu").scorer
    blocks = np.kron(picture(128, 128), np.ones((2, 2, 1), np.uint8))
    black = np.zeros((256, 256, 3), np.uint8)
    flat, of_blocks, of_noise = scorer.logits([black, blocks, picture(256, 256)])
    assert of_blocks == pytest.approx(flat, abs=1e-5)
    assert abs(of_noise - flat) > 1e-3
    assert len(scorer.logits([picture(100, 80)])) == 1


def test_univfd_is_a_linear_layer_on_clips_image_vectors(tmp_path: Path):
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8,
        projection_dim=12,
    )  # fmt: skip
    clip = CLIPVisionModelWithProjection(config).eval()
    clip.save_pretrained(tmp_path / "clip")
    weight, bias = torch.randn(1, 12), torch.randn(1)
    torch.save({"weight": weight, "bias": bias}, tmp_path / "fc_weights.pth")
    scorer = load_baseline("univfd", "univfd", f"{tmp_path / 'fc_weights.pth'},{tmp_path / 'clip'}", "cpu").scorer
    image = picture(50, 40)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    with torch.inference_mode():
        vector = clip(pixel_values=((tensor(image)[:, 9:41, 4:36] - mean) / std)[None]).image_embeds
    assert scorer.logits([image])[0] == pytest.approx(float(vector @ weight.T + bias), abs=1e-5)


@pytest.mark.parametrize("kind", ["npr", "univfd"])
def test_the_weights_of_another_network_are_refused(
    kind: str, cnndetection: tuple[Path, nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    clip = CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=32
    )
    CLIPVisionModelWithProjection(clip).save_pretrained(tmp_path / "clip")
    checkpoint = f"{cnndetection[0]},{tmp_path / 'clip'}" if kind == "univfd" else str(cnndetection[0])
    with pytest.raises(ModelError, match=r"blur_jpg_prob0\.5\.pth: not the weights of"):
        load_baseline(kind, kind, checkpoint, "cpu")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("boom",)


def test_a_program_in_a_checkpoint_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps({"model": _Bomb()}))
    with pytest.raises(ModelError, match=r"bomb\.pth"):
        load_baseline("cnndetection", "bomb", str(tmp_path / "bomb.pth"), "cpu")
    assert "boom" not in capsys.readouterr().out


def test_univfd_without_its_clip_says_what_to_give(tmp_path: Path):
    with pytest.raises(ModelError, match="FILE,FOLDER"):
        load_baseline("univfd", "univfd", f"fc.pth,{tmp_path / 'nowhere'}", "cpu")
