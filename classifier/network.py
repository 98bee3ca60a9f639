"""The network: a timm backbone with one output, and the normalisation that belongs to it."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from classifier.config import ClassifierConfig
from manifests.errors import ModelError


class Network(nn.Module):
    """A backbone that takes images as they are.

    Attributes:
        backbone: a timm model with one output. `state_dict` holds its weights alone, under timm's own names.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Wrap a backbone.

        Args:
            backbone: maps (n, 3, S, S) float32 to (n, 1).
            mean: of the normalisation, by channel, for values in [0, 1].
            std: likewise.
        """
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of "fake", (n,) float32, of images (n, 3, S, S) uint8 RGB."""
        # convolutions run about twice as fast over interleaved channels, on CPUs and GPUs alike
        scaled = (images / 255 - self.mean) / self.std
        logits: Tensor = self.backbone(scaled.contiguous(memory_format=torch.channels_last))
        return logits.squeeze(1).float()


def new_network(config: ClassifierConfig, image_size: int) -> Network:
    """The network that a training begins with; random weights come from torch's global generator.

    Args:
        config: backbone, its options and its first weights.
        image_size: side of the images it will see, pixels.

    Raises:
        ModelError: no such backbone, no such weights, or a backbone that does not take images of this size.
    """
    backbone = _backbone(config.backbone, config.backbone_options, pretrained=config.pretrained)
    if config.weights:
        _load_all_but_the_head(backbone, Path(config.weights))
    published = _published_settings(backbone)
    network = Network(backbone, published["mean"], published["std"]).to(memory_format=torch.channels_last)
    _check_size(network, config.backbone, image_size)
    return network


def stored_network(
    backbone: str,
    options: Mapping[str, Any],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    weights: Path,
) -> Network:
    """The network of a trained detector.

    Raises:
        ModelError: the weights are missing, damaged or another backbone's.
    """
    model = _backbone(backbone, options, pretrained=False)
    state = _read(weights)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{weights}: not the weights of {backbone}. Train the detector again.") from error
    return Network(model, mean, std).to(memory_format=torch.channels_last)


def _backbone(name: str, options: Mapping[str, Any], *, pretrained: bool) -> nn.Module:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "timm.list_models() names them all."
        raise ModelError(f"classifier.backbone: timm has no model {name!r}. {hint}")
    try:
        model: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=1, in_chans=3, **options)
    except TypeError as error:
        raise ModelError(f"classifier.backbone_options: {name} does not take them ({error}).") from error
    except (RuntimeError, OSError) as error:
        raise ModelError(
            f"classifier.pretrained: the weights of {name} cannot be had ({str(error).splitlines()[0]}). Download them "
            "and give weights = FILE, or set pretrained = false."
        ) from error
    return model


def _load_all_but_the_head(backbone: nn.Module, path: Path) -> None:
    """Load weights; those of the last layer only where they have its shape (a published one knows 1000 classes)."""
    state = _read(path)
    own = backbone.state_dict()
    head = {name for name in own if name.startswith(_head_name(backbone))}
    fitting = {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}
    missing = sorted(set(own) - set(fitting) - head)
    if missing:
        raise ModelError(
            f"{path}: not weights of this backbone: {missing[0]} and {len(missing) - 1} more are missing or of another shape."
        )
    backbone.load_state_dict(fitting, strict=False)


def _head_name(backbone: nn.Module) -> str:
    """Prefix of the names of the last layer's weights, as timm's own description of the model gives it."""
    return f"{_published_settings(backbone)['classifier']}."


def _published_settings(backbone: nn.Module) -> dict[str, Any]:
    """What timm knows of a model: `mean`, `std`, the name of its last layer (`classifier`)."""
    settings: Any = backbone.pretrained_cfg
    return dict(settings)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file of weights.") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable safetensors file ({error}).") from error


def _check_size(network: Network, name: str, image_size: int) -> None:
    """Try one black image; batch statistics are left alone."""
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8))
    except (AssertionError, RuntimeError) as error:
        raise ModelError(
            f"classifier.backbone: {name} does not take images of {image_size} pixels ({error}). Choose another "
            "image_size, or, for a vision transformer, set backbone_options.img_size."
        ) from error
    network.train()
