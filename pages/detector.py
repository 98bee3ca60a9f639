"""What a training run left, made ready to be shown: figures of merit, curves, and which images to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, Field, ValidationError

from classifier.curves import roc, shares
from classifier.report import METRICS, PREDICTIONS, DetectorReport
from manifests.errors import DatasetError, first_complaint

_SHOWN = 8


class _Row(BaseModel):
    """What is read of a row of `predictions.parquet`."""

    pair_id: str
    member: str
    split: str
    label: Literal[0, 1]
    score: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class ScoredImage:
    """One image of the test split and the probability of fake that the detector gives it."""

    pair_id: str
    member: str
    score: float


@dataclass(frozen=True)
class Extremes:
    """Images of one class at the two ends: those that the detector is surest of, and those it gets most wrong."""

    label: str
    most_confident: tuple[ScoredImage, ...]
    least_confident: tuple[ScoredImage, ...]


@dataclass(frozen=True)
class DetectorPage:
    """All that the page says of a detector; curves, histograms and images are of the test split.

    Attributes:
        report: the figures of merit.
        roc: points (false positive rate, true positive rate) from (0, 0) to (1, 1).
        histogram: share of each class's images in each of `HISTOGRAM_BINS` bins of the score: reals, fakes.
        extremes: of each class.
    """

    report: DetectorReport
    roc: tuple[tuple[float, float], ...]
    histogram: tuple[tuple[float, ...], tuple[float, ...]]
    extremes: tuple[Extremes, ...]

    def images(self) -> Iterator[ScoredImage]:
        """All images that are shown."""
        for extremes in self.extremes:
            yield from extremes.most_confident
            yield from extremes.least_confident


def read_detector(folder: Path) -> DetectorPage:
    """Read `metrics.json` and `predictions.parquet` of a training run.

    Raises:
        DatasetError: one of them is missing, or not as a training run writes it.
    """
    try:
        report = DetectorReport.model_validate_json((folder / METRICS).read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{folder}: no {METRICS} here. Give the folder of a finished training.") from None
    except ValidationError as error:
        raise DatasetError(
            f"{folder / METRICS}: not the figures of a training ({error.error_count()} errors)."
        ) from error
    reals, fakes = _test_images(folder / PREDICTIONS)
    if not (reals and fakes):
        raise DatasetError(f"{folder / PREDICTIONS}: expected reals and fakes of the test split.")
    return DetectorPage(
        report=report,
        roc=roc([image.score for image in reals], [image.score for image in fakes]),
        histogram=(shares([image.score for image in reals]), shares([image.score for image in fakes])),
        extremes=(_extremes("real", reals), _extremes("fake", fakes[::-1])),
    )


def _test_images(path: Path) -> tuple[list[ScoredImage], list[ScoredImage]]:
    """Reals and fakes of the test split, each from the lowest score to the highest.

    Raises:
        DatasetError: the file is missing or damaged, lacks a column, or holds other values than a training writes.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(["pair_id", "member", "split", "label", "score"], use_threads=False)
        rows = [_Row.model_validate(row) for row in table.to_pylist()]
    except (OSError, pa.ArrowException, UnicodeDecodeError, ValidationError) as error:
        what = first_complaint(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
        raise DatasetError(f"{path}: no readable predictions ({what}). Train again.") from error
    tested = sorted((row for row in rows if row.split == "test"), key=lambda row: (row.score, row.pair_id, row.member))
    images: tuple[list[ScoredImage], list[ScoredImage]] = ([], [])
    for row in tested:
        images[row.label].append(ScoredImage(row.pair_id, row.member, row.score))
    return images


def _extremes(label: str, images: Sequence[ScoredImage]) -> Extremes:
    """The two ends of one class, given from the surest to the most wrong."""
    return Extremes(label, tuple(images[:_SHOWN]), tuple(images[::-1][:_SHOWN]))
