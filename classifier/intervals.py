"""Intervals of a detector's figures by a bootstrap over clusters: pairs, or groups of images that belong together.

Images of one cluster are not independent of one another, so whole clusters are drawn, with replacement, as often as there
are (Field & Welsh, "Bootstrapping clustered data", 2007); the interval lies between two percentiles of what comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Bins of the expected calibration error, of equal width (Guo et al., "On Calibration of Modern Neural Networks", 2017)."""

DRAWS = 1000
LEVEL = 0.95

_FEWEST_CLUSTERS = 5
# weights held at once: draws times images
_MOST_WEIGHTS = 2_000_000

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Ranked:
    """Images from the highest score to the lowest, ready to be measured under many weightings.

    Attributes:
        order: (n,): the images' places in what was given.
        is_fake: (n,): in the new order.
        ends: (m,): where each run of equal scores ends.
        called: how many images are called fake: they stand first.
        probabilities: (n,): calibrated probability of fake.
    """

    order: NDArray[np.intp]
    is_fake: NDArray[np.bool_]
    ends: NDArray[np.intp]
    called: int
    probabilities: Floats

    @classmethod
    def of(cls, labels: NDArray[np.int8], scores: Floats, threshold: float, probabilities: Floats) -> Self:
        """Rank images; those with a score above the threshold are called fake."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        return cls(order, labels[order] == 1, ends, int((scores > threshold).sum()), probabilities[order])

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """All figures of merit under each of k weightings; what has no meaning under one is nan.

        Args:
            weights: (k, n), in the order in which the images were given.

        Returns:
            (k,) by name.
        """
        weights = weights[:, self.order]
        on_fakes, on_reals = weights * self.is_fake, weights * ~self.is_fake
        tp, fp = on_fakes[:, : self.called].sum(1), on_reals[:, : self.called].sum(1)
        fakes, reals = np.cumsum(on_fakes, 1)[:, self.ends], np.cumsum(on_reals, 1)[:, self.ends]
        n_fake, n_real = fakes[:, -1], reals[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            recall, false_positives = tp / n_fake, fp / n_real
            both = np.where((n_fake > 0) & (n_real > 0), 1.0, np.nan)
            tpr, fpr, precision = fakes / n_fake[:, None], reals / n_real[:, None], fakes / (fakes + reals)
        before = np.pad(tpr[:, :-1], ((0, 0), (1, 0)))
        found = {
            "accuracy": both * (tp + n_real - fp) / (n_fake + n_real),
            "balanced_accuracy": (recall + 1 - false_positives) / 2,
            "precision": both * np.divide(tp, tp + fp, out=np.full_like(tp, np.nan), where=tp + fp > 0),
            "recall": recall,
            "false_positive_rate": false_positives,
            "false_negative_rate": 1 - recall,
            "f1": both * 2 * tp / (tp + fp + n_fake),
            "auc": both * (np.diff(fpr, axis=1, prepend=0) * (tpr + before) / 2).sum(1),
            "ap": both * ((tpr - before) * np.nan_to_num(precision)).sum(1),
            "ece": both * self._calibration_error(weights),
        }
        for name, limit in (("tpr_at_1_fpr", 0.01), ("tpr_at_5_fpr", 0.05)):
            found[name] = both * np.where(fpr <= limit, tpr, 0).max(1)
        return found

    def _calibration_error(self, weights: Floats) -> Floats:
        """(k,): expected calibration error."""
        places = np.minimum((self.probabilities * BINS).astype(int), BINS - 1)
        surplus = np.zeros((len(places), BINS))
        surplus[np.arange(len(places)), places] = self.is_fake - self.probabilities
        error: Floats = np.abs(weights @ surplus).sum(1) / weights.sum(1)
        return error


def intervals(ranked: Ranked, clusters: NDArray[np.intp], *, draws: int = DRAWS) -> dict[str, Interval]:
    """The 95 % interval of each figure that has a meaning; none where there are fewer than five clusters.

    The draws are the same in every run.

    Args:
        ranked: the images.
        clusters: (n,): number of each image's cluster, in the order in which the images were given.
        draws: how many.
    """
    names, members = np.unique(clusters, return_inverse=True)
    if len(names) < _FEWEST_CLUSTERS:
        return {}
    collected: dict[str, list[Floats]] = {}
    for times in _draws(len(names), len(clusters), draws):
        for name, values in ranked.figures(times[:, members]).items():
            collected.setdefault(name, []).append(values)
    found = {name: _interval(np.concatenate(values)) for name, values in collected.items()}
    known = {name: interval for name, interval in found.items() if interval is not None}
    return known | _of_extreme_rates(known, ranked, clusters)


def _of_extreme_rates(known: dict[str, Interval], ranked: Ranked, clusters: NDArray[np.intp]) -> dict[str, Interval]:
    """Intervals of rates that are 0 or 1 in every draw: no draw can say how far from there the truth may lie.

    With no event in n independent trials the rate is below 1 - 0.05^(1/n) at 95 %, about 3/n (the "rule of three":
    Hanley & Lippman-Hand, JAMA 1983). A cluster is one trial.
    """
    is_fake = np.empty(len(ranked.order), bool)
    is_fake[ranked.order] = ranked.is_fake
    fakes, reals = (len(np.unique(clusters[chosen])) for chosen in (is_fake, ~is_fake))
    trials = {
        "recall": fakes,
        "false_negative_rate": fakes,
        "false_positive_rate": reals,
        "accuracy": min(fakes, reals),
    }
    found: dict[str, Interval] = {}
    for name, n in trials.items():
        if known.get(name) in ((0.0, 0.0), (1.0, 1.0)):
            bound = 1 - (1 - LEVEL) ** (1 / n)
            found[name] = (0.0, bound) if known[name][0] == 0 else (1 - bound, 1.0)
    return found


def difference(first: Ranked, second: Ranked, clusters: NDArray[np.intp]) -> Interval | None:
    """The 95 % interval of the AUC of the first minus that of the second, both measured on the same draws."""
    names, members = np.unique(clusters, return_inverse=True)
    if len(names) < _FEWEST_CLUSTERS:
        return None
    found = [
        first.figures(times[:, members])["auc"] - second.figures(times[:, members])["auc"]
        for times in _draws(len(names), len(clusters), DRAWS)
    ]
    return _interval(np.concatenate(found))


def _draws(clusters: int, images: int, draws: int) -> Iterator[Floats]:
    """How often each cluster is drawn, in blocks of (k, clusters), one at a time: all draws of many would fill the memory."""
    rng = np.random.default_rng(0)
    block = max(1, min(draws, _MOST_WEIGHTS // images))
    even = np.full(clusters, 1 / clusters)
    for start in range(0, draws, block):
        yield rng.multinomial(clusters, even, size=min(block, draws - start)).astype(np.float64)


def _interval(values: Floats) -> Interval | None:
    """Nothing where the figure has no meaning in half of the draws or more."""
    known = values[~np.isnan(values)]
    if 2 * len(known) <= len(values):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
