"""How well two classes of images can be told apart by their features: AUC, its interval, and a verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from audit.report import Feature, Verdict

WIDEST_HALF_WIDTH = 0.05
MOST_TELLING = 5
"""Features that a probe names."""
# weights of the bootstrap that are held at once
_WEIGHTS = 2**22

Floats = NDArray[np.float64]
Classifier = Literal["gradient boosting", "logistic regression"]
CLASSIFIERS: tuple[Classifier, ...] = ("gradient boosting", "logistic regression")
Model: TypeAlias = HistGradientBoostingClassifier | Pipeline


@dataclass(frozen=True)
class Scored:
    """Cross-validated scores of images; all arrays have the shape (images,).

    Attributes:
        scores: larger means label 1; comparable inside a fold only.
        labels: 0 or 1.
        groups: numbers from 0: images of one number count as one observation.
        folds: number of the fold that each image was held out in.
    """

    scores: Floats
    labels: NDArray[np.int8]
    groups: NDArray[np.intp]
    folds: NDArray[np.intp]


@dataclass(frozen=True)
class Estimate:
    """An area under the ROC curve with its 95 % interval."""

    auc: float
    low: float
    high: float


def cross_validated(
    classifier: Classifier,
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    groups: NDArray[np.intp],
    *,
    folds: int,
    seed: int,
) -> Scored:
    """Score each image by a classifier that saw no image of its group.

    Whole groups make a fold: with a pair's two members in different folds, the twin of opposite label in training pushes
    the AUC below 0.5.

    Args:
        classifier: `gradient boosting` (scikit-learn's histogram trees) or `logistic regression` (standardised, L2).
        features: shape (images, features).
        labels: 0 or 1, shape (images,).
        groups: numbers from 0, shape (images,): images of one number stay together.
        folds: at most the number of groups.
        seed: of the assignment to folds.
    """
    fold_of_image = grouped_folds(groups, folds, seed)
    scores = np.zeros(len(labels))
    for held_out, model in fitted(classifier, features, labels, fold_of_image, seed=seed):
        scores[held_out] = model.decision_function(features[held_out])
    return Scored(scores, labels, groups, fold_of_image)


def fitted(
    classifier: Classifier,
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    fold_of_image: NDArray[np.intp],
    *,
    seed: int,
) -> Iterator[tuple[NDArray[np.bool_], Model]]:
    """Which images each fold holds out, and a classifier that was fitted on all others."""
    # the trees' threads wait in busy loops: on a machine with other work one thread is up to twenty times faster
    with threadpool_limits(limits=1):
        for fold in range(int(fold_of_image.max()) + 1):
            held_out = fold_of_image == fold
            model = _model(classifier, seed)
            model.fit(features[~held_out], labels[~held_out])
            yield held_out, model


def grouped_folds(groups: NDArray[np.intp], folds: int, seed: int) -> NDArray[np.intp]:
    """Fold of each image, drawn for whole groups, folds of equal numbers of groups."""
    count = int(groups.max()) + 1
    return np.random.default_rng(seed).permutation(np.arange(count) % folds)[groups]


def _model(classifier: Classifier, seed: int) -> Model:
    if classifier == "gradient boosting":
        return HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.1, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))


def estimate_auc(scored: Scored, *, draws: int, seed: int) -> Estimate:
    """AUC with the 95 % percentile interval of a bootstrap that draws whole groups."""
    count = int(scored.groups.max()) + 1
    rng = np.random.default_rng(seed)
    times_drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    # a few draws at a time: all of them for a million images are gigabytes
    rows = max(1, _WEIGHTS // len(scored.groups))
    aucs = [
        weighted_aucs(scored, times_drawn[first : first + rows][:, scored.groups].astype(np.float64))
        for first in range(0, draws, rows)
    ]
    low, high = np.percentile(np.concatenate(aucs), (2.5, 97.5))
    return Estimate(auc=auc(scored), low=float(low), high=float(high))


def auc(scored: Scored) -> float:
    """AUC of all images, each counted once."""
    return float(weighted_aucs(scored, np.ones((1, len(scored.scores))))[0])


def auc_alone(scores: Floats, labels: NDArray[np.int8]) -> float:
    """AUC of images whose scores can all be compared, ties counting one half; 0.5 where one class is missing."""
    real, fake = np.sort(scores[labels == 0]), scores[labels == 1]
    if not len(real) or not len(fake):
        return 0.5
    below = np.searchsorted(real, fake, side="left") + np.searchsorted(real, fake, side="right")
    return float(below.mean()) / (2 * len(real))


def weighted_aucs(scored: Scored, weights: Floats) -> Floats:
    """AUC under each row of image weights (draws, images), shape (draws,); ties count one half.

    Reals and fakes are compared inside a fold only. Across folds the comparison is not fair: where all pairs differ in
    the same way, a fold's classifier depends on the labels of the others, and the AUC of random labels falls below 0.5.
    """
    won = np.zeros(len(weights))
    compared = np.zeros(len(weights))
    for fold in np.unique(scored.folds):
        inside = scored.folds == fold
        fold_won, fold_compared = _comparisons(scored.scores[inside], scored.labels[inside], weights[:, inside])
        won += fold_won
        compared += fold_compared
    return np.asarray(won / np.maximum(compared, 1e-12))


def _comparisons(scores: Floats, labels: NDArray[np.int8], weights: Floats) -> tuple[Floats, Floats]:
    """Weight of the pairs (label 0, label 1) in which the second scores higher, and of all, each of shape (draws,)."""
    distinct, level = np.unique(scores, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(distinct)))
    negative = np.add.reduceat((weights * (labels == 0))[:, order], starts, axis=1)
    positive = np.add.reduceat((weights * (labels == 1))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(axis=1), negative.sum(axis=1) * positive.sum(axis=1)


def telling_features(
    features: NDArray[np.float32], labels: NDArray[np.int8], names: Sequence[str]
) -> tuple[Feature, ...]:
    """The features that tell most on their own, by distance of their AUC from 0.5; `MOST_TELLING` of them."""
    aucs = np.array([auc_alone(column, labels) for column in features.T.astype(np.float64)])
    order = np.argsort(-np.abs(aucs - 0.5), kind="stable")[:MOST_TELLING]
    return tuple(Feature(name=names[index], auc=float(aucs[index])) for index in order)


def verdict(estimate: Estimate, limit: float) -> Verdict:
    """Judge an AUC against the largest AUC that is harmless, such as 0.6.

    `fail` when the lower end of the interval passes the limit, `warn` when the estimate does, `too-few` when the interval
    is wider than ±0.05, else `ok`.
    """
    if estimate.low > limit:
        return "fail"
    if estimate.auc > limit:
        return "warn"
    return "too-few" if _half_width(estimate) > WIDEST_HALF_WIDTH else "ok"


def control_verdict(estimate: Estimate, distance: float) -> Verdict:
    """Judge an AUC that has to be 0.5, on both sides.

    As `verdict`, with `distance` as the largest distance from 0.5 that is harmless, and as the widest half-width of an
    interval that says enough.
    """
    if estimate.low > 0.5 + distance or estimate.high < 0.5 - distance:
        return "fail"
    if abs(estimate.auc - 0.5) > distance:
        return "warn"
    return "too-few" if _half_width(estimate) > distance else "ok"


def _half_width(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2
