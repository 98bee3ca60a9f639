"""What a recipe may say about the detector. Imports no model library, so that `plan` answers at once."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from manifests.records import GeneratorName

DEFAULT_IMAGE_SIZE = 224


class AugmentationConfig(BaseModel):
    """What may be done to a pair while training: every draw is the same for all members of the pair."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    random_crop: bool = Field(default=True, description="a random window; otherwise the central one, as in evaluation")
    flip: float = Field(default=0.5, ge=0, le=1, description="probability of a left-right flip")
    jpeg: float = Field(default=0.0, ge=0, le=1, description="probability of one more JPEG pass")
    jpeg_quality: tuple[int, int] = Field(default=(60, 95), description="range of its quality, both ends included")

    @model_validator(mode="after")
    def _quality_is_a_range(self) -> Self:
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            raise ValueError(
                f"jpeg_quality must be two numbers from 1 to 100, the lower one first, not [{low}, {high}]"
            )
        return self


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
    weights: str = Field(default="", description="start from this .safetensors file instead; its last layer may differ")
    image_size: int | None = Field(
        default=None,
        ge=16,
        description="side of the square window that the network sees, pixels; images are cropped to it and never "
        f"resized. None: {DEFAULT_IMAGE_SIZE}, or the shortest side in the dataset where that is smaller",
    )
    generators: tuple[GeneratorName, ...] = Field(
        default=(), description="the fakes to learn from and to be measured on; empty: all of the dataset"
    )
    epochs: int = Field(default=15, ge=1)
    batch_size: int = Field(default=16, ge=1, description="pairs in a batch: each brings its real and all its fakes")
    learning_rate: float = Field(default=1e-3, gt=0, description="of AdamW, at the end of the warm-up")
    weight_decay: float = Field(default=0.05, ge=0, description="of AdamW; biases and norms are left out")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="share of the training in which the rate rises")
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    augmentation: AugmentationConfig = AugmentationConfig()
    shuffle_buffer: int = Field(default=1000, ge=1, description="pairs held (encoded) by each reader to draw from")
    num_workers: int = Field(default=0, ge=0, description="processes that decode; 0: the training process itself")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="of training; predictions are always made in 32 bits"
    )
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.pretrained and self.weights:
            raise ValueError("give pretrained = true or weights = a file, not both")
        if self.weights and not self.weights.endswith(".safetensors"):
            raise ValueError(
                f"weights must be a .safetensors file (pickled checkpoints are not read), not {self.weights!r}"
            )
        return self
