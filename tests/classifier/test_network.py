import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from classifier.checkpoints import read_weights
from classifier.config import ClassifierConfig
from classifier.network import new_network, stored_network
from manifests.errors import ModelError

TINY = ClassifierConfig(backbone="test_resnet")


def saved(state: dict[str, torch.Tensor], path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)


def test_images_are_normalised_inside():
    network = new_network(TINY, 32).eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    outside = (images / 255 - network.mean) / network.std
    with torch.inference_mode():
        logits = network(images)
        assert torch.allclose(network.backbone(outside).squeeze(1), logits, atol=1e-5)
    assert logits.shape == (2,)


def test_an_unknown_backbone_is_told_with_those_near_it():
    with pytest.raises(ModelError, match=r"no model 'resnet81'\. Did you mean .*resnet"):
        new_network(ClassifierConfig(backbone="resnet81"), 32)


def test_unknown_options_are_told():
    with pytest.raises(ModelError, match="test_resnet does not take them"):
        new_network(ClassifierConfig(backbone="test_resnet", backbone_options={"colour": 3}), 32)


def test_a_backbone_of_fixed_size_says_what_to_set():
    with pytest.raises(ModelError, match="does not take images of 32 pixels"):
        new_network(ClassifierConfig(backbone="vit_tiny_patch16_224"), 32)
    new_network(ClassifierConfig(backbone="vit_tiny_patch16_224", backbone_options={"img_size": 32}), 32)


def test_training_can_begin_from_published_weights_with_another_last_layer(tmp_path: Path):
    published = new_network(TINY, 32).backbone.state_dict()
    head = {name for name in published if published[name].shape[:1] == (1,) and "fc" in name}
    assert head
    changed = {
        name: torch.zeros(1000, *tensor.shape[1:]) if name in head else tensor for name, tensor in published.items()
    }
    saved(changed, tmp_path / "published.safetensors")
    begun = new_network(TINY.model_copy(update={"weights": str(tmp_path / "published.safetensors")}), 32)
    for name, tensor in begun.backbone.state_dict().items():
        assert tensor.shape == published[name].shape
        assert name in head or torch.equal(tensor, published[name])


def test_weights_of_another_backbone_are_refused(tmp_path: Path):
    path = tmp_path / "other.safetensors"
    saved(new_network(ClassifierConfig(backbone="test_efficientnet"), 32).backbone.state_dict(), path)
    with pytest.raises(ModelError, match="not weights of this backbone"):
        new_network(TINY.model_copy(update={"weights": str(path)}), 32)
    with pytest.raises(ModelError, match="not the weights of test_resnet"):
        stored_network("test_resnet", {}, (0.5,) * 3, (0.5,) * 3, path)


@pytest.mark.parametrize("name", ["pipe.safetensors", "pipe.pt"])
def test_a_pipe_of_weights_is_not_waited_for(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    # its other end is open, so that a reader that waits for one fails and does not hang
    end = os.open(tmp_path / name, os.O_RDWR)
    with pytest.raises(ModelError, match="no such file of weights"):
        read_weights(tmp_path / name)
    os.close(end)


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path):
    path = tmp_path / "page.safetensors"
    path.write_text("<html>not found</html>")
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        new_network(TINY.model_copy(update={"weights": str(path)}), 32)
    with pytest.raises(ModelError, match="no such file"):
        new_network(TINY.model_copy(update={"weights": str(tmp_path / "gone.safetensors")}), 32)
