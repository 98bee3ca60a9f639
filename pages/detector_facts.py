"""What is known of a detector: what it was trained on, and how often it errs."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifier.report import METRICS, DetectorConfig, DetectorReport, SplitMetrics
from classifier.whereabouts import file_beside


class DetectorFacts(BaseModel):
    """A detector in figures; its error rates are those that its training measured on images it had not seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    backbone: str
    image_size: int = Field(description="side of what the network sees, pixels; smaller images are not judged")
    fit: str = Field(description="crop: it sees the central window; resize: all of the image made smaller")
    trained_on: str = Field(description="name of the dataset; empty where it is not known")
    dataset_digest: str = Field(description="of that dataset's index; empty where it is not known")
    generators: tuple[str, ...] = Field(description="whose fakes it was trained on")
    sources: tuple[str, ...] = Field(description="where the reals came from")
    threshold: float = Field(description="of the score: above it an image is called fake")
    test: SplitMetrics | None = Field(description="on its test split, with 95 % intervals; null where nobody measured")
    recall_by_generator: dict[str, float] = Field(description="share of each generator's fakes that are called fake")


def detector_facts(where: str, config: DetectorConfig) -> DetectorFacts:
    """What a detector's settings say, and the figures that lie beside it.

    Args:
        where: what `classifier.opening.open_detector` was given. Nothing but its last part is told.
        config: the detector's settings.
    """
    report = _report(file_beside(where, METRICS))
    recalls = report.by_generator.items() if report else ()
    return DetectorFacts(
        name=Path(where).resolve().name if Path(where).exists() else where,
        backbone=config.backbone,
        image_size=config.image_size,
        fit=config.fit,
        trained_on=config.dataset_name,
        dataset_digest=config.dataset_digest,
        generators=config.generators,
        sources=config.sources,
        threshold=config.threshold,
        test=report.test if report else None,
        recall_by_generator={name: found.recall for name, found in recalls if found.recall is not None},
    )


def _report(path: Path | None) -> DetectorReport | None:
    """None where nothing was measured, or not by a training of this project."""
    if path is None:
        return None
    try:
        return DetectorReport.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError, ValidationError):
        return None
