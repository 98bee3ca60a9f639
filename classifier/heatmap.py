"""Where a detector looks: Grad-CAM on the last stage of its backbone.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, section 3.
Convolutional backbones are read at their last feature map, transformers at the tokens that their last block is given.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from classifier.detector import Detector
from classifier.heads import logit
from classifier.network import Network
from manifests.errors import ModelError


@dataclass(frozen=True)
class HeatMap:
    """Which places of a window spoke for a verdict.

    Attributes:
        values: (S, S) float32 in [0, 1], as large as the window; the strongest place is 1. All 0 where none spoke for it.
        grid: rows and columns of the feature map that it was made from: finer it cannot see.
    """

    values: NDArray[np.float32]
    grid: tuple[int, int]


def heat_map(detector: Detector, window: NDArray[np.uint8], verdict: Literal["real", "fake"]) -> HeatMap:
    """Which places of a window speak for "fake", or for "real".

    Args:
        detector: on any device; its weights and gradients are left as they are.
        window: (S, S, 3) uint8 RGB, as `Preprocessing.window` gives it.
        verdict: what the places shall speak for.

    Raises:
        ModelError: the backbone has no feature map that this can be read from.
    """
    network = detector.network
    image = torch.from_numpy(np.ascontiguousarray(window)).permute(2, 0, 1)[None].to(network.mean.device)
    features, score = _features_and_score(network, image)
    (gradient,) = torch.autograd.grad(score if verdict == "fake" else -score, features)
    maps, gradients = (_as_map(network.backbone, values.detach().float()) for values in (features, gradient))
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    heat = torch.relu((weights * maps).sum(dim=1, keepdim=True))
    grid = (heat.shape[2], heat.shape[3])
    heat = interpolate(heat, size=window.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    strongest = heat.max()
    values: NDArray[np.float32] = (heat / strongest if strongest > 0 else torch.zeros_like(heat)).cpu().numpy()
    return HeatMap(values, grid)


def _features_and_score(network: Network, image: Tensor) -> tuple[Tensor, Tensor]:
    """The last features, and the logit that follows from them."""
    backbone: Any = network.backbone
    if not hasattr(backbone, "forward_features"):
        raise _unreadable(backbone)
    blocks = getattr(backbone, "blocks", None)
    with torch.enable_grad():
        if hasattr(backbone, "num_prefix_tokens") and isinstance(blocks, nn.Sequential | nn.ModuleList):
            return _tokens_and_score(network, image, blocks[-1])
        with torch.no_grad():
            features = backbone.forward_features(network.normalised(image))
        if not isinstance(features, Tensor) or features.ndim != 4:
            raise _unreadable(backbone)
        # a leaf of its own: nothing before it needs a gradient
        features = features.detach().requires_grad_()
        return features, logit(backbone.forward_head(features).float()).sum()


def _tokens_and_score(network: Network, image: Tensor, last: nn.Module) -> tuple[Tensor, Tensor]:
    """At a transformer's end only the class token may count, so what is read is what the last block makes it from."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        tokens = inputs[0].detach().requires_grad_()
        kept.append(tokens)
        return (tokens, *inputs[1:])

    handle = last.register_forward_pre_hook(keep)
    try:
        score = network(image).sum()
    finally:
        handle.remove()
    return kept[0], score


def _as_map(backbone: nn.Module, features: Tensor) -> Tensor:
    """Features as (1, channels, rows, columns)."""
    if features.ndim == 4:
        interleaved = getattr(backbone, "output_fmt", "NCHW") == "NHWC"
        return features.permute(0, 3, 1, 2) if interleaved else features
    tokens = features[:, int(getattr(backbone, "num_prefix_tokens", 0)) :]
    side = round(tokens.shape[1] ** 0.5)
    if side * side != tokens.shape[1]:
        raise _unreadable(backbone)
    return tokens.transpose(1, 2).reshape(1, -1, side, side)


def _unreadable(backbone: nn.Module) -> ModelError:
    return ModelError(f"{type(backbone).__name__}: its last features are no map, so there is no heat map of it.")
