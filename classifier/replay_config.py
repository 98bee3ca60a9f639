"""What a recipe may say about going on with a trained detector. Imports no model library."""

from pydantic import BaseModel, ConfigDict, Field

from classifier.config import ClassifierConfig


class ReplayRatio(BaseModel):
    """How many pairs of the new dataset are met for how many of the earlier ones.

    The published detector gives "1:8" without a direction. The default reads it as one earlier pair for eight new ones:
    a rehearsal buffer is customarily the small part, and the other reading would make the new dataset a ninth of what is
    learnt from. `{ new = 1, old = 8 }` is that other reading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    new: int = Field(default=8, ge=1, description="pairs of the new dataset")
    old: int = Field(default=1, ge=1, description="pairs of earlier ones")


class ContinueConfig(BaseModel):
    """How a detector goes on learning: the second phase of the published ConvNeXtV2 detector.

    What is not said here stays as the detector was trained at first: optimiser, augmentation, precision and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=5, ge=1, description="passes over the new train split")
    batch_size: int = Field(
        default=14, ge=1, description="pairs or couples in a batch: 14 couples are the published batch of 28 images"
    )
    learning_rate: float = Field(default=7.5e-5, gt=0, description="of the head, at the end of the warm-up")
    layer_decay: float | None = Field(
        default=0.85, gt=0, le=1, description="each layer's rate is this share of the rate of the layer above it"
    )
    min_learning_rate: float = Field(
        default=1e-7, ge=0, description="what the rate falls to in the end, along a cosine"
    )
    warmup: float = Field(default=0.07, ge=0, lt=1, description="share of the training in which the rate rises")
    replay: ReplayRatio = ReplayRatio()
    seed: int | None = Field(default=None, ge=0, lt=2**32, description="of the draws; None: the detector's own")

    def training(self, first: ClassifierConfig, weights: str, image_size: int) -> ClassifierConfig:
        """The settings of the second phase.

        Args:
            first: those of the first one.
            weights: the detector's file of weights.
            image_size: side of the window that the detector sees, pixels.
        """
        own = self.model_dump(exclude={"replay", "seed"})
        seed = first.seed if self.seed is None else self.seed
        start = {
            "weights": weights,
            "checkpoint_prefix": {},
            "pretrained": False,
            "image_size": image_size,
            "generators": (),
            "schedule": "cosine",
            "seed": seed,
        }
        return ClassifierConfig.model_validate({**first.model_dump(), **own, **start})
