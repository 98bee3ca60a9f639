"""The decision threshold and the figures of merit, from labels and scores alone."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_confusion_matrix,
)

from classifier.predictions import Predictions
from classifier.report import GeneratorMetrics, SplitMetrics
from classifier.shards import REAL
from manifests.errors import DatasetError


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


def split_metrics(labels: NDArray[np.int8], scores: NDArray[np.float32], threshold: float) -> SplitMetrics:
    """All figures of one set of images.

    Args:
        labels: (n,): 0 real, 1 fake; both occur.
        scores: (n,): in [0, 1].
        threshold: scores above it are called fake.

    Raises:
        DatasetError: one of the classes is missing.
    """
    _check_both_classes(labels)
    target, score, called = _tensors(labels, scores, threshold)
    tn, fp, fn, tp = (int(count) for count in binary_confusion_matrix(called, target).flatten())
    return SplitMetrics(
        n_real=tn + fp,
        n_fake=fn + tp,
        accuracy=(tn + tp) / len(labels),
        balanced_accuracy=(tn / (tn + fp) + tp / (fn + tp)) / 2,
        f1=2 * tp / (2 * tp + fp + fn),
        auc=float(binary_auroc(score, target)),
        ap=float(binary_average_precision(score, target)),
        confusion=((tn, fp), (fn, tp)),
    )


def metrics_by_generator(predictions: Predictions, threshold: float) -> dict[str, GeneratorMetrics]:
    """Each generator's fakes against the reals of the pairs that they belong to."""
    member = predictions.text("member")
    pair_id = predictions.text("pair_id")
    figures: dict[str, GeneratorMetrics] = {}
    for generator in sorted(set(member.tolist()) - {REAL}):
        fakes = member == generator
        reals = (member == REAL) & np.isin(pair_id, pair_id[fakes])
        chosen = predictions.where(fakes | reals)
        metrics = split_metrics(chosen.labels, chosen.scores, threshold)
        figures[generator] = GeneratorMetrics(
            n=metrics.n_fake,
            auc=metrics.auc,
            ap=metrics.ap,
            balanced_accuracy=metrics.balanced_accuracy,
            recall=metrics.confusion[1][1] / metrics.n_fake,
        )
    return figures


def metrics_by_view(predictions: Predictions, threshold: float) -> dict[str, SplitMetrics]:
    """The figures of each framing's pairs."""
    view = predictions.text("view")
    chosen = {name: predictions.where(view == name) for name in sorted(set(view.tolist()))}
    return {name: split_metrics(rows.labels, rows.scores, threshold) for name, rows in chosen.items()}


def _tensors(
    labels: NDArray[np.int8], scores: NDArray[np.float32], threshold: float
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
