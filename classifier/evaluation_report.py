"""What an evaluation finds: its `metrics.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from classifier.report import SplitMetrics

Side = Literal["both", "reals", "fakes"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EvaluatedSet(_Record):
    """The images that the detectors were asked about."""

    name: str
    digest: str = Field(description="of the dataset's index; empty for images from elsewhere")
    split: str = Field(description="empty: all that there is")
    n_real: int
    n_fake: int
    groups: int = Field(description="pairs, or groups of unpaired images: what the bootstrap draws")
    generators: tuple[str, ...]
    sources: tuple[str, ...]
    skipped: dict[str, int] = Field(description="images that were not scored, by reason")
    notes: tuple[str, ...] = Field(description="what a reader has to know")


class Part(_Record):
    """Some of the images by one of their properties."""

    name: str
    held_out: bool | None = Field(description="whether the detector never trained on it; null: not known")
    metrics: SplitMetrics


class Cell(_Record):
    """One generator's fakes against the reals of one source."""

    generator: str
    source: str
    held_out_generator: bool | None
    held_out_source: bool | None
    metrics: SplitMetrics


class ReliabilityBin(_Record):
    """Images of about the same calibrated probability of fake."""

    n: int
    probability: float = Field(description="their mean")
    fakes: float = Field(description="share of fakes among them")


class NamedScore(_Record):
    """One image and its calibrated probability of fake."""

    name: str
    generator: str
    source: str
    probability: float


class Gallery(_Record):
    """Images of one class to look at; each list begins with the most telling."""

    label: Literal["real", "fake"]
    mistakes: tuple[NamedScore, ...] = Field(description="on the wrong side of the threshold, the furthest first")
    most_confident: tuple[NamedScore, ...] = Field(description="on the right side of it, the furthest first")
    least_confident: tuple[NamedScore, ...] = Field(description="nearest to it, on either side")


class SideResult(_Record):
    """What remains of a detector when one or both classes are processed."""

    side: Side = Field(description="which class was processed")
    auc: float | None
    auc_interval: tuple[float, float] | None
    balanced_accuracy: float | None
    false_positive_rate: float | None
    false_negative_rate: float | None


class Perturbed(_Record):
    """One kind of processing at one strength."""

    name: str
    family: str
    level: float | None = Field(description="its place on the family's axis; null where there is none")
    results: tuple[SideResult, ...]
    follows_processing: bool | None = Field(
        description="whether processing one class alone moves the AUC by more than 0.05 beyond where it stands with none "
        "and with both processed: the detector then reads processing beside origin; null where it cannot be told"
    )


class Robustness(_Record):
    """A detector under processing, on a sample of the images."""

    n_real: int
    n_fake: int
    untouched: SideResult
    perturbed: tuple[Perturbed, ...]


class AucDifference(_Record):
    """The AUC of a detector minus that of the first one, on the same images."""

    value: float
    interval: tuple[float, float] | None


class DetectorEvaluation(_Record):
    """What was measured of one detector."""

    name: str
    kind: str = Field(description="`twinset`, `checkpoint`, a public baseline's name, or `ensemble`")
    threshold: float = Field(description="a score (sigmoid of the logit) above it means fake")
    threshold_from: Literal["validation", "published"]
    temperature: float
    trained_on: str = Field(description="name of the dataset; empty where it is not known")
    generators: tuple[str, ...] | None = Field(description="that it trained on; null: not known")
    sources: tuple[str, ...] | None = Field(description="that its training reals came from; null: not known")
    metrics: SplitMetrics
    by_generator: tuple[Part, ...]
    by_source: tuple[Part, ...]
    by_view: tuple[Part, ...]
    table: tuple[Cell, ...] = Field(description="generator by source of the reals")
    roc: tuple[tuple[float, float], ...] = Field(description="(false positive rate, true positive rate)")
    histogram: tuple[tuple[float, ...], tuple[float, ...]] = Field(
        description="share of the reals, and of the fakes, in 25 equal bins of the calibrated probability"
    )
    reliability: tuple[ReliabilityBin, ...]
    galleries: tuple[Gallery, ...]
    auc_difference: AucDifference | None = Field(description="to the first detector; null for it")
    robustness: Robustness | None
    notes: tuple[str, ...]


class Evaluation(_Record):
    """`metrics.json` of an evaluation."""

    format: Literal["twinset-evaluation"] = "twinset-evaluation"
    format_version: Literal[1] = 1
    data: EvaluatedSet
    detectors: tuple[DetectorEvaluation, ...]
