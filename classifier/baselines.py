"""Public detectors to compare with, from the checkpoints that their authors published.

- `cnndetection`: Wang et al., "CNN-generated images are surprisingly easy to spot... for now", CVPR 2020. A ResNet-50 with
  one output; the checkpoint keeps its weights under `model`.
- `univfd`: Ojha et al., "Towards universal fake image detectors that generalize across generative models", CVPR 2023. A
  linear layer, the published file (`weight`, `bias`), on the image vectors of CLIP ViT-L/14, which come from a folder or
  the Hub in transformers' layout.
- `npr`: Tan et al., "Rethinking the up-sampling operations in CNN-based generative network for generalizable deepfake
  detection", CVPR 2024. The first two stages of a ResNet-50 on what an image differs from its neighbouring pixels by.

All say "fake" above 0.5, as published.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from timm.models.resnet import Bottleneck
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.transforms.v2.functional import center_crop
from torchvision.transforms.v2.functional import resize as resized
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from classifier.checkpoints import read_weights
from classifier.comparison import BASELINES, Candidate, Standing
from manifests.errors import ModelError

CLIP = "openai/clip-vit-large-patch14"

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP_NORM = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
# the pooled maps of the networks that take whole images need some pixels
_SMALLEST = 32

Norm = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Baseline:
    """A published network and the preprocessing that it was published with.

    Attributes:
        network: (n, 3, H, W) normalised float32 to (n, 1) logits of fake; in evaluation mode.
        prepare: from one image (3, H, W) uint8 to the one that it takes.
        norm: mean and standard deviation of the normalisation, of values in [0, 1].
        device: where it runs.
    """

    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    norm: Norm
    device: str

    def logits(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """(n,), of (H, W, 3) uint8 RGB images; those of equal size go through the network together."""
        by_size: dict[tuple[int, ...], list[tuple[int, Tensor]]] = defaultdict(list)
        for place, image in enumerate(images):
            prepared = self.prepare(torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1))
            by_size[tuple(prepared.shape)].append((place, prepared))
        mean, std = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in self.norm)
        found = np.empty(len(images), np.float64)
        with torch.inference_mode():
            for batch in by_size.values():
                scaled = (torch.stack([image for _, image in batch]).to(self.device) / 255 - mean) / std
                found[[place for place, _ in batch]] = self.network(scaled)[:, 0].double().cpu().numpy()
        return found


def load_baseline(kind: str, name: str, checkpoint: str, device: str) -> Candidate:
    """Load a public detector.

    Args:
        kind: one of `BASELINES`.
        name: what it is called beside the others.
        checkpoint: the published file; of `univfd` also `FILE,CLIP`, where CLIP is a folder or a Hub id.
        device: a torch device.

    Raises:
        ModelError: no such baseline, or a file that is missing, damaged or another architecture's.
    """
    loaders: dict[str, Callable[[str], tuple[nn.Module, Callable[[Tensor], Tensor], Norm]]] = {
        "cnndetection": _cnndetection,
        "univfd": _univfd,
        "npr": _npr,
    }
    if kind not in loaders:
        raise ModelError(f"no baseline is called {kind!r}; there are {', '.join(BASELINES)}.")
    network, prepare, norm = loaders[kind](checkpoint)
    baseline = Baseline(network.to(device).eval(), prepare, norm, device)
    return Candidate(Standing(name=name, kind=kind), baseline, _SMALLEST)


def _cnndetection(checkpoint: str) -> tuple[nn.Module, Callable[[Tensor], Tensor], Norm]:
    """Whole images, as its own evaluation shows them."""
    network: nn.Module = timm.create_model("resnet50", num_classes=1)
    _fill(network, read_weights(Path(checkpoint)), checkpoint, "CNNDetection's ResNet-50")
    return network, lambda image: image, _IMAGENET


class NprNetwork(nn.Module):
    """NPR's network under its published names: (n, 3, H, W) to (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, blocks=3, stride=1)
        self.layer2 = _stage(256, 128, blocks=4, stride=2)
        self.fc1 = nn.Linear(512, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of fake."""
        # sides are even here: each pixel is compared with the upper left one of its square of four
        coarse = interpolate(images[:, :, ::2, ::2], scale_factor=2, mode="nearest")
        features = self.maxpool(self.relu(self.bn1(self.conv1((images - coarse) * 2 / 3))))
        logits: Tensor = self.fc1(self.layer2(self.layer1(features)).mean((2, 3)))
        return logits


def _npr(checkpoint: str) -> tuple[nn.Module, Callable[[Tensor], Tensor], Norm]:
    """Images at 256 x 256, as its own evaluation shows those of mixed sizes."""
    network = NprNetwork()
    _fill(network, read_weights(Path(checkpoint)), checkpoint, "NPR's network")
    return network, lambda image: resized(image, [256, 256], antialias=True), _IMAGENET


def _stage(inputs: int, width: int, *, blocks: int, stride: int) -> nn.Sequential:
    outputs = width * Bottleneck.expansion
    shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
    first = Bottleneck(inputs, width, stride=stride, downsample=shortcut)
    return nn.Sequential(first, *(Bottleneck(outputs, width) for _ in range(blocks - 1)))


class UnivFdNetwork(nn.Module):
    """CLIP's image vectors (not normalised) under one linear layer: (n, 3, S, S) to (n, 1)."""

    def __init__(self, clip: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.clip = clip
        self.fc = nn.Linear(clip.config.projection_dim, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of fake."""
        logits: Tensor = self.fc(self.clip(pixel_values=images).image_embeds)
        return logits


def _univfd(checkpoint: str) -> tuple[nn.Module, Callable[[Tensor], Tensor], Norm]:
    """The central window of the image, as its own evaluation shows it; smaller images get black borders."""
    file, _, clip = checkpoint.partition(",")
    network = UnivFdNetwork(_clip(clip or CLIP))
    _fill(network.fc, read_weights(Path(file)), file, "UnivFD's linear layer")
    side = network.clip.config.image_size
    return network, lambda image: center_crop(image, [side, side]), _CLIP_NORM


def _clip(place: str) -> CLIPVisionModelWithProjection:
    try:
        config = CLIPVisionConfig.from_pretrained(place)
        model: CLIPVisionModelWithProjection = CLIPVisionModelWithProjection.from_pretrained(
            place, config=config, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{place}: CLIP cannot be loaded ({str(error).splitlines()[0]}). Give UnivFD's checkpoint as FILE,FOLDER with "
            f"a folder of {CLIP} in transformers' layout."
        ) from error
    return model


def _fill(network: nn.Module, state: Mapping[str, Tensor], file: str, what: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        wanted, found = set(network.state_dict()), set(state)
        differing = min(wanted ^ found, default="a tensor of another shape")
        raise ModelError(f"{file}: not the weights of {what} (first difference: {differing}).") from error
