"""Detectors that others trained and published as files of weights: recognised by their names, or described beside them."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifier.augmentations.degradation import KernelName
from classifier.checkpoints import read_weights
from classifier.config import ClassifierConfig, Fit
from classifier.detector import Detector, described
from classifier.heads import Head
from classifier.network import Normalisation, published_network, try_out
from classifier.report import MAX_SIDE
from manifests.errors import ModelError, first_complaint


class CheckpointLayout(BaseModel):
    """What a file of weights does not say of itself: `NAME.toml` beside `NAME.pt` or `NAME.safetensors`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = Field(description="name of a timm model")
    backbone_options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    head: Head = "linear"
    fake_output: Literal[0, 1] = Field(default=1, description="which of two outputs is fake; one output always is")
    checkpoint_prefix: dict[str, str] = Field(
        default_factory=dict, description='where its names begin otherwise than ours: {"model." = "backbone."}'
    )
    image_size: int = Field(
        default=224, ge=16, le=MAX_SIDE, description="side of the square window that the network sees, pixels"
    )
    fit: Fit = "resize"
    resize_to: int | None = Field(default=None, ge=16, le=MAX_SIDE, description="shorter side after resizing, pixels")
    resize_kernel: KernelName = "bilinear"
    normalisation: Normalisation | None = Field(
        default=None, description="mean and standard deviation, each RGB of values in [0, 1]; None: as timm says"
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="an image is called fake when its score is above")
    generators: tuple[str, ...] = Field(default=(), description="the fakes it was trained on")


# {"model_state_dict": {"backbone.…"}}: torchvision's names of a ResNet-50, with a perceptron in the place of its last layer
SDXL_DETECTOR = CheckpointLayout(backbone="resnet50", head="mlp", resize_to=256, generators=("sdxl",))
_SDXL_MARKS = {"layer4.2.conv3.weight": (2048, 512, 1, 1), "fc.1.weight": (512, 2048), "fc.5.weight": (2, 512)}


def published_detector(path: Path, device: str = "cpu") -> Detector:
    """Load somebody else's file of weights as a detector.

    Args:
        path: `.safetensors`, or a torch checkpoint, which is never unpickled. Unless it has the layout of the published
            SDXL detector, a `CheckpointLayout` lies beside it.
        device: a torch device.

    Raises:
        ModelError: the file is missing, damaged, of another architecture than is said, or nothing is said.
    """
    layout, training = _layout(path)
    network = published_network(
        layout.backbone,
        layout.backbone_options,
        layout.head,
        path,
        layout.checkpoint_prefix,
        fake_output=layout.fake_output,
        normalisation=layout.normalisation,
    )
    network.to(device)
    try_out(network, layout.image_size, f"{path}: {layout.backbone}")
    config = described(
        network,
        training,
        layout.image_size,
        generators=layout.generators,
        dataset_name=path.name,
        threshold=layout.threshold,
    )
    return Detector(network, config)


def _layout(path: Path) -> tuple[CheckpointLayout, ClassifierConfig]:
    """What a file of weights is, and the same as a training would have been told it."""
    described = path.with_suffix(".toml")
    if described.exists():
        try:
            layout = CheckpointLayout.model_validate(tomllib.loads(described.read_text("utf-8")))
            return layout, _training(layout)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number or nesting beyond all bounds
            what = first_complaint(error) if isinstance(error, ValidationError) else error
            raise ModelError(f"{described}: not a description of a checkpoint ({what}). Correct it.") from error
    state = read_weights(path)
    if all(name in state and tuple(state[name].shape) == shape for name, shape in _SDXL_MARKS.items()):
        return SDXL_DETECTOR, _training(SDXL_DETECTOR)
    raise ModelError(
        f"{path}: of an architecture that is not known here. Say in {described.name} beside it what it is: at least "
        'backbone = "NAME OF A TIMM MODEL".'
    )


def _training(layout: CheckpointLayout) -> ClassifierConfig:
    return ClassifierConfig(
        backbone=layout.backbone,
        backbone_options=layout.backbone_options,
        head=layout.head,
        image_size=layout.image_size,
        fit=layout.fit,
        resize_to=layout.resize_to,
        resize_kernel=layout.resize_kernel,
    )
