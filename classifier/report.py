"""What a training reports: `metrics.json`, `config.json`, and the columns of `predictions.parquet`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from classifier.config import ClassifierConfig
from manifests.records import LABELS

PREDICTIONS = "predictions.parquet"
METRICS = "metrics.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitMetrics(_Record):
    """How well reals and fakes are told apart. "Fake" is the positive class; an image is called fake when its score is
    above the threshold. Every image counts once, so a pair with k fakes counts k times among the fakes: accuracy, F1
    and AP depend on that ratio, balanced accuracy and AUC do not.
    """  # noqa: D205

    n_real: int
    n_fake: int
    accuracy: float
    balanced_accuracy: float = Field(description="mean of the two classes' accuracies")
    f1: float
    auc: float = Field(description="area under the ROC curve")
    ap: float = Field(description="average precision")
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(description="[[tn, fp], [fn, tp]]")


class GeneratorMetrics(_Record):
    """One generator's fakes against the reals of the same pairs."""

    n: int = Field(description="pairs, so that many reals and that many fakes")
    auc: float
    ap: float
    balanced_accuracy: float
    recall: float = Field(description="share of its fakes called fake")


class EpochReport(_Record):
    """One epoch of the training."""

    loss: float = Field(description="mean training loss, smoothed labels included")
    validation_auc: float


class DetectorReport(_Record):
    """`metrics.json`. Every figure but the history follows from `predictions.parquet` and the threshold."""

    threshold: float = Field(description="chosen on validation, where it gives the best balanced accuracy")
    validation: SplitMetrics
    test: SplitMetrics
    by_generator: dict[str, GeneratorMetrics] = Field(description="on test")
    by_view: dict[str, SplitMetrics] = Field(description="on test")
    history: tuple[EpochReport, ...]


class DetectorConfig(_Record):
    """`config.json`: what it takes to use the weights beside it, and what they were trained on."""

    format: Literal["twinset-detector"] = "twinset-detector"
    format_version: Literal[1] = 1
    twinset: str = Field(description="version that trained it")
    backbone: str
    backbone_options: dict[str, bool | int | float | str]
    image_size: int
    mean: tuple[float, float, float] = Field(description="RGB, of values in [0, 1]")
    std: tuple[float, float, float]
    threshold: float
    labels: dict[str, int] = Field(default_factory=lambda: dict(LABELS))
    generators: tuple[str, ...] = Field(description="the fakes it was trained on")
    dataset_name: str
    dataset_digest: str = Field(description="of the dataset's index; empty when it had none")
    training: ClassifierConfig
