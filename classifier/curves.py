"""What is drawn of a detector's scores: the ROC curve, histograms, the reliability of its probabilities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifier.intervals import BINS

HISTOGRAM_BINS = 25
"""Bins of the histograms of scores, from 0 to 1."""

_MOST_POINTS = 300

Points = tuple[tuple[float, float], ...]


def roc(reals: Sequence[float] | NDArray[np.floating], fakes: Sequence[float] | NDArray[np.floating]) -> Points:
    """The curve's corners (false positive rate, true positive rate) from (0, 0) to (1, 1), thinned out.

    Args:
        reals: their scores; at least one.
        fakes: likewise.
    """
    reals, fakes = np.sort(reals), np.sort(fakes)
    thresholds = np.unique(np.concatenate([reals, fakes]))[::-1]
    false_positive = 1 - np.searchsorted(reals, thresholds, side="left") / len(reals)
    true_positive = 1 - np.searchsorted(fakes, thresholds, side="left") / len(fakes)
    kept = np.unique(np.linspace(0, len(thresholds) - 1, _MOST_POINTS).round().astype(int))
    return ((0.0, 0.0), *((float(false_positive[index]), float(true_positive[index])) for index in kept))


def shares(scores: Sequence[float] | NDArray[np.floating]) -> tuple[float, ...]:
    """The share of the scores in each of `HISTOGRAM_BINS` bins; nought everywhere without scores."""
    counts, _ = np.histogram(scores, bins=HISTOGRAM_BINS, range=(0, 1))
    return tuple(float(count) / max(len(scores), 1) for count in counts)


def reliability(labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> tuple[tuple[int, float, float], ...]:
    """Of each bin of probabilities that holds images: how many, their mean probability, and the share of fakes."""
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return tuple(
        (int(inside.sum()), float(probabilities[inside].mean()), float(labels[inside].mean()))
        for inside in (places == bin_ for bin_ in range(BINS))
        if inside.any()
    )
