"""What a training reports: `metrics.json`, `config.json`, and the columns of `predictions.parquet`."""

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from classifier.augmentations.degradation import KernelName
from classifier.config import ClassifierConfig, Fit
from classifier.transforms import Preprocessing
from manifests.index import AuditVerdict
from manifests.records import LABELS

PREDICTIONS = "predictions.parquet"
METRICS = "metrics.json"
CURVE = "metrics.csv"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"

Composition = Literal["pairs", "singles", "both"]

MAX_SIDE = 4096
"""Longest side of what a stored network may ask to see, pixels: settings come from anybody, and memory is the reader's."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitMetrics(_Record):
    """How well reals and fakes are told apart. "Fake" is the positive class; an image is called fake when its score is
    above the threshold. Every image counts once, so a pair with k fakes counts k times among the fakes: accuracy,
    precision, F1 and AP depend on that ratio, balanced accuracy and AUC do not. What needs a class that does not occur
    is null.
    """  # noqa: D205

    n_real: int
    n_fake: int
    accuracy: float | None
    balanced_accuracy: float | None = Field(description="mean of the two classes' accuracies")
    precision: float | None = Field(
        default=None, description="share of fakes among what is called fake; null: nothing is"
    )
    recall: float | None = Field(default=None, description="share of the fakes that are called fake")
    false_positive_rate: float | None = Field(default=None, description="share of the reals that are called fake")
    false_negative_rate: float | None = Field(default=None, description="share of the fakes that are called real")
    f1: float | None
    auc: float | None = Field(description="area under the ROC curve")
    ap: float | None = Field(description="average precision")
    tpr_at_1_fpr: float | None = Field(
        default=None, description="best recall with at most 1 % of the reals called fake"
    )
    tpr_at_5_fpr: float | None = Field(default=None, description="likewise with at most 5 %")
    ece: float | None = Field(
        default=None, description="expected calibration error, 15 bins, of the probabilities after temperature scaling"
    )
    ece_uncalibrated: float | None = Field(default=None, description="likewise, of the scores as they are")
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(description="[[tn, fp], [fn, tp]]")
    intervals: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="95 % interval by figure: bootstrap over pairs, or over groups of unpaired images",
    )


class GeneratorMetrics(_Record):
    """One generator's fakes against the reals of the same pairs; against all reals where they stand alone."""

    n: int = Field(description="its fakes; of pairs there are as many reals")
    auc: float | None
    ap: float | None
    balanced_accuracy: float | None
    recall: float | None = Field(description="share of its fakes called fake")


class EpochReport(_Record):
    """One epoch of the training."""

    loss: float = Field(description="mean training loss, smoothed labels included")
    validation_auc: float
    steps: int | None = Field(default=None, description="optimiser steps so far")
    learning_rate: float | None = Field(default=None, description="of the head, at the epoch's last step")


class DetectorReport(_Record):
    """`metrics.json`. Every figure but the history follows from `predictions.parquet`, the threshold and the temperature."""

    threshold: float = Field(description="chosen on validation, where it gives the best balanced accuracy")
    temperature: float = Field(default=1.0, description="fitted on validation, for calibrated probabilities")
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
    head: Literal["linear", "mlp"] = "linear"
    image_size: int = Field(ge=16, le=MAX_SIDE)
    fit: Fit = Field(default="crop", description="crop: the central window; resize: of the image made smaller first")
    resize_to: int = Field(
        default=0, ge=0, le=MAX_SIDE, description='shorter side after that, pixels (fit = "resize" only)'
    )
    resize_kernel: KernelName = "bilinear"
    mean: tuple[Finite, Finite, Finite] = Field(description="RGB, of values in [0, 1]")
    std: tuple[Positive, Positive, Positive]
    threshold: float = Field(
        ge=0, le=1, description="of the score, which is the sigmoid of the logit; chosen on validation"
    )
    temperature: Positive = Field(
        default=1.0,
        description="fitted on validation: sigmoid(logit / temperature) is the calibrated probability",
    )
    labels: dict[str, int] = Field(default_factory=lambda: dict(LABELS))
    generators: tuple[str, ...] = Field(description="the fakes it was trained on")
    sources: tuple[str, ...] = Field(default=(), description="where the reals that it was trained on came from")
    dataset_name: str
    dataset_digest: str = Field(description="of the dataset's index; empty when it had none")
    dataset_audit: AuditVerdict = Field(default="none", description="of the dataset's audit; none: there was none")
    composition: Composition = Field(
        default="pairs", description="what the dataset's train split holds: pairs, images that stand alone, or both"
    )
    rehearsed: tuple[str, ...] = Field(default=(), description="names of the earlier datasets that were rehearsed")
    training: ClassifierConfig
    run: str = Field(
        default="", description="sha256 of all that decided the outcome; empty when it was not trained here"
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.fit == "resize" and self.resize_to < self.image_size:
            raise ValueError(f"resize_to = {self.resize_to} is smaller than image_size = {self.image_size}")
        if self.labels != LABELS:
            raise ValueError(f"labels are {LABELS}, whatever the file says")
        return self

    def without_folders(self) -> Self:
        """The same for the eyes of others: the file that the training began with, without the folders that it lies in."""
        training = self.training.model_copy(update={"weights": PurePath(self.training.weights).name})
        return self.model_copy(update={"training": training})

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes what the network sees."""
        return Preprocessing(self.image_size, self.fit, self.resize_to, self.resize_kernel)
