"""What a recipe may say about the detector. Imports no model library, so that `plan` answers at once."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from classifier.augmentations.config import AugmentationConfig
from classifier.augmentations.degradation import KernelName
from manifests.records import GeneratorName

Fit = Literal["crop", "resize"]
DEFAULT_IMAGE_SIZE = 224
CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


class ClassifierConfig(BaseModel):
    """How the detector is built and trained.

    The defaults suit a few hundred to a few thousand pairs of small pictures on a CPU, trained from scratch. Fine-tuning
    a large pretrained backbone wants a lower learning rate (1e-4) and fewer epochs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = Field(default="resnet18", description="name of a timm model")
    backbone_options: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="passed to timm.create_model, e.g. img_size for a vision transformer"
    )
    pretrained: bool = Field(default=False, description="start from timm's published weights (fetched from the Hub)")
    weights: str = Field(
        default="",
        description="start from this file of weights instead (safetensors, or a torch checkpoint, which is never "
        "unpickled); its head may differ",
    )
    checkpoint_prefix: dict[str, str] = Field(
        default_factory=dict,
        description='where the names in `weights` begin otherwise than ours: {"model." = "backbone."}; "" stands for all',
    )
    head: Literal["linear", "mlp"] = Field(
        default="linear",
        description="linear: timm's own, one output; mlp: dropout, 512 units, batch norm, dropout, two outputs",
    )
    image_size: int | None = Field(
        default=None,
        ge=16,
        description="side of the square window that the network sees, pixels. None: "
        f"{DEFAULT_IMAGE_SIZE}, or, where nothing is resized, the shortest side in the dataset if that is smaller",
    )
    fit: Fit = Field(
        default="crop",
        description="crop: the network sees a window of the image as it is, nothing is ever resized; resize: the shorter "
        "side is resized first, which removes much of what tells a fake, but some published detectors did so",
    )
    resize_to: int | None = Field(
        default=None,
        ge=16,
        description='shorter side after resizing, pixels (fit = "resize" only); None: 256 for 224, and in proportion',
    )
    resize_kernel: KernelName = Field(default="bilinear", description="of that resizing; reducing is antialiased")
    generators: tuple[GeneratorName, ...] = Field(
        default=(), description="the fakes to learn from and to be measured on; empty: all of the dataset"
    )
    epochs: int = Field(default=15, ge=1, description="passes over the train split")
    batch_size: int = Field(default=16, ge=1, description="pairs in a batch: each brings its real and all its fakes")
    learning_rate: float = Field(default=1e-3, gt=0, description="of AdamW, at its highest; of the head")
    weight_decay: float = Field(default=0.05, ge=0, description="of AdamW; biases and norms are left out")
    layer_decay: float | None = Field(
        default=None, gt=0, le=1, description="each layer's rate is this share of the rate of the layer above it"
    )
    schedule: Literal["cosine", "one-cycle", "constant"] = Field(
        default="cosine",
        description="what follows the warm-up; one-cycle rises along a cosine too, and cycles the momentum",
    )
    warmup: float = Field(default=0.1, ge=0, lt=1, description="share of the training in which the rate rises")
    warmup_factor: float = Field(default=0.01, gt=0, le=1, description="share of the rate that the rise begins with")
    min_learning_rate: float = Field(default=0.0, ge=0, description="what the rate falls to in the end")
    gradient_clip: float | None = Field(default=None, gt=0, description="longest gradient (Euclidean norm)")
    ema: float | None = Field(
        default=None, gt=0, lt=1, description="decay of a moving average of the weights, which is then what is kept"
    )
    patience: int | None = Field(
        default=None, ge=1, description="stop after so many epochs in which the AUC on validation has not risen"
    )
    keep: Literal["last", "best"] = Field(
        default="last", description="the weights of the last epoch, or of the one with the best AUC on validation"
    )
    label_smoothing: float = Field(
        default=0.05, ge=0, lt=1, description="share of the label that is spread over both classes"
    )
    augmentation: AugmentationConfig = AugmentationConfig()
    shuffle_buffer: int = Field(default=1000, ge=1, description="pairs held (encoded) by each reader to draw from")
    num_workers: int = Field(default=0, ge=0, description="processes that read; 0: the training process itself")
    decoding_threads: int = Field(
        default=2,
        ge=0,
        description="threads that decode and augment in each of them, ahead of the training; 0: none. Results do not depend on it",
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="of training; predictions are always made in 32 bits"
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of weights, order and augmentation")
    checkpoint_steps: int = Field(
        default=1000, ge=1, description="a checkpoint every so many steps, besides the one after each epoch"
    )
    strategy: str = Field(default="auto", description="of lightning, where torchrun starts several processes")
    tensorboard: bool = Field(default=False, description="write TensorBoard's event files too")

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.fit == "crop" and (self.resize_to is not None or self.augmentation.crop_scale is not None):
            raise ValueError(
                'resize_to and augmentation.crop_scale resize images: set fit = "resize", or leave them out'
            )
        if self.resize_to is not None and self.resize_to < (self.image_size or DEFAULT_IMAGE_SIZE):
            raise ValueError(
                f"resize_to = {self.resize_to} is smaller than the window of {self.image_size or DEFAULT_IMAGE_SIZE} pixels "
                "that is cut afterwards: raise it, or lower image_size"
            )
        if self.pretrained and self.weights:
            raise ValueError("give pretrained = true or weights = a file, not both")
        if self.weights and not self.weights.endswith(CHECKPOINT_SUFFIXES):
            raise ValueError(f"weights must be a file {', '.join(CHECKPOINT_SUFFIXES)}, not {self.weights!r}")
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate = {self.min_learning_rate} is above learning_rate = {self.learning_rate}: lower it"
            )
        return self
