"""The decision threshold and the figures of merit, from labels and scores alone."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
    binary_confusion_matrix,
    binary_sensitivity_at_specificity,
)

from classifier.calibration import calibrated, logits_of
from classifier.intervals import BINS, Ranked, intervals
from classifier.predictions import Predictions
from classifier.report import GeneratorMetrics, SplitMetrics
from manifests.errors import DatasetError
from manifests.records import REAL


def best_threshold(labels: NDArray[np.int8], scores: NDArray[np.float32]) -> float:
    """The threshold with the best balanced accuracy, when scores above it mean fake.

    The candidates lie halfway between neighbouring distinct scores, and at 0 and 1. Among several that are equally good the
    one in the middle is taken.

    Args:
        labels: (n,): 0 real, 1 fake; both occur.
        scores: (n,): in [0, 1].

    Raises:
        DatasetError: one of the classes is missing.
    """
    _check_both_classes(labels)
    # halves of float32 values need more bits than they have themselves
    distinct = np.unique(scores).astype(np.float64)
    candidates = np.concatenate(([0.0], (distinct[:-1] + distinct[1:]) / 2, [1.0]))
    reals = np.sort(scores[labels == 0])
    fakes = np.sort(scores[labels == 1])
    true_negatives = np.searchsorted(reals, candidates, side="right") / len(reals)
    true_positives = 1 - np.searchsorted(fakes, candidates, side="right") / len(fakes)
    balanced = (true_negatives + true_positives) / 2
    best = np.flatnonzero(np.isclose(balanced, balanced.max(), rtol=0, atol=1e-12))
    return float(candidates[best[len(best) // 2]])


def split_metrics(
    labels: NDArray[np.int8],
    scores: NDArray[np.floating],
    threshold: float,
    *,
    temperature: float = 1.0,
    clusters: NDArray[np.intp] | None = None,
) -> SplitMetrics:
    """All figures of one set of images of both classes.

    Args:
        labels: (n,): 0 real, 1 fake; both occur.
        scores: (n,): in [0, 1].
        threshold: scores above it are called fake.
        temperature: of the calibration.
        clusters: (n,): number of the pair or group that each image belongs to; without them there are no intervals.

    Raises:
        DatasetError: one of the classes is missing.
    """
    _check_both_classes(labels)
    return measured(labels, scores, threshold, temperature=temperature, clusters=clusters)


def measured(
    labels: NDArray[np.int8],
    scores: NDArray[np.floating],
    threshold: float,
    *,
    temperature: float = 1.0,
    clusters: NDArray[np.intp] | None = None,
) -> SplitMetrics:
    """As `split_metrics`, but of images of one class alone too: those have recall, or a rate of false positives.

    Raises:
        DatasetError: there are no images.
    """
    if not len(labels):
        raise DatasetError("no images: there is nothing to measure a detector on.")
    target, score, called = _tensors(labels, scores, threshold)
    tn, fp, fn, tp = (int(count) for count in binary_confusion_matrix(called, target).flatten())
    reals, fakes = tn + fp, fn + tp
    both = reals > 0 and fakes > 0
    probabilities = calibrated(logits_of(scores), temperature)
    return SplitMetrics(
        n_real=reals,
        n_fake=fakes,
        accuracy=(tn + tp) / len(labels) if both else None,
        balanced_accuracy=(tn / reals + tp / fakes) / 2 if both else None,
        precision=tp / (tp + fp) if both and tp + fp else None,
        recall=tp / fakes if fakes else None,
        false_positive_rate=fp / reals if reals else None,
        false_negative_rate=fn / fakes if fakes else None,
        f1=2 * tp / (2 * tp + fp + fn) if both else None,
        auc=float(binary_auroc(score, target)) if both else None,
        ap=float(binary_average_precision(score, target)) if both else None,
        tpr_at_1_fpr=_recall_within(score, target, 0.01) if both else None,
        tpr_at_5_fpr=_recall_within(score, target, 0.05) if both else None,
        ece=_calibration_error(torch.from_numpy(probabilities), target) if both else None,
        ece_uncalibrated=_calibration_error(score, target) if both else None,
        confusion=((tn, fp), (fn, tp)),
        intervals=_intervals(labels, scores, threshold, probabilities, clusters),
    )


def predictions_metrics(predictions: Predictions, threshold: float, temperature: float) -> SplitMetrics:
    """The figures of some predictions, with their intervals."""
    return split_metrics(
        predictions.labels, predictions.scores, threshold, temperature=temperature, clusters=predictions.clusters
    )


def metrics_by_generator(predictions: Predictions, threshold: float) -> dict[str, GeneratorMetrics]:
    """Each generator's fakes against the reals of the pairs that they belong to; against all reals where they have none."""
    member = predictions.text("member")
    pair_id = predictions.text("pair_id")
    figures: dict[str, GeneratorMetrics] = {}
    for generator in sorted(set(member.tolist()) - {REAL}):
        fakes = member == generator
        reals = (member == REAL) & np.isin(pair_id, pair_id[fakes])
        if not reals.any():
            reals = member == REAL
        chosen = predictions.where(fakes | reals)
        metrics = split_metrics(chosen.labels, chosen.scores, threshold)
        figures[generator] = GeneratorMetrics(
            n=metrics.n_fake,
            auc=metrics.auc,
            ap=metrics.ap,
            balanced_accuracy=metrics.balanced_accuracy,
            recall=metrics.recall,
        )
    return figures


def metrics_by_view(predictions: Predictions, threshold: float, temperature: float = 1.0) -> dict[str, SplitMetrics]:
    """The figures of each view; of those with images of both classes."""
    view = predictions.text("view")
    chosen = {name: predictions.where(view == name) for name in sorted(set(view.tolist()))}
    return {
        name: predictions_metrics(rows, threshold, temperature)
        for name, rows in chosen.items()
        if len(set(rows.labels.tolist())) > 1
    }


def _recall_within(score: torch.Tensor, target: torch.Tensor, false_positives: float) -> float:
    recall, _ = binary_sensitivity_at_specificity(score, target, min_specificity=1 - false_positives)
    return float(recall)


def _calibration_error(probability: torch.Tensor, target: torch.Tensor) -> float:
    return float(binary_calibration_error(probability, target, n_bins=BINS))


def _intervals(
    labels: NDArray[np.int8],
    scores: NDArray[np.floating],
    threshold: float,
    probabilities: NDArray[np.float64],
    clusters: NDArray[np.intp] | None,
) -> dict[str, tuple[float, float]]:
    if clusters is None:
        return {}
    return intervals(Ranked.of(labels, scores.astype(np.float64), threshold, probabilities), clusters)


def _tensors(
    labels: NDArray[np.int8], scores: NDArray[np.floating], threshold: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Target, score (in 64 bits, where no sum rounds) and decision."""
    double = scores.astype(np.float64)
    target = torch.from_numpy(labels.astype(np.int64))
    return target, torch.from_numpy(double), torch.from_numpy((double > threshold).astype(np.int64))


def _check_both_classes(labels: NDArray[np.int8]) -> None:
    fakes = int(labels.sum())
    if not 0 < fakes < len(labels):
        raise DatasetError(
            f"{fakes} fakes among {len(labels)} images: reals and fakes are both needed to measure a detector."
        )
