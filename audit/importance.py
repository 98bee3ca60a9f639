"""Which features a probe's classifier went by: the AUC that is lost when a feature is permuted, and its distributions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.probe import MOST_TELLING, Classifier, Model, Scored, auc_alone, fitted, grouped_folds
from audit.report import Distribution, Feature

BINS = 24

# permuted copies of the held-out images that are scored at once
_AT_ONCE = 16
# smaller losses are chance, or shared out among features that say the same
_TELLING = 0.01

Floats = NDArray[np.float64]


def measured(
    classifier: Classifier,
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    groups: NDArray[np.intp],
    *,
    folds: int,
    seed: int,
) -> tuple[Scored, Floats]:
    """Cross-validated scores, as `audit.probe.cross_validated` gives them, and the importance of each feature.

    Importance is the drop of the AUC when a feature's values are permuted among the held-out images (L. Breiman, "Random
    forests", 2001, section 10), the mean over the folds.

    Returns:
        The scores, and the importances, shape (features,).
    """
    fold_of_image = grouped_folds(groups, folds, seed)
    scores = np.zeros(len(labels))
    lost = np.zeros(features.shape[1])
    rng = np.random.default_rng(seed)
    for held_out, model in fitted(classifier, features, labels, fold_of_image, seed=seed):
        scores[held_out] = model.decision_function(features[held_out])
        lost += _lost(model, features[held_out], labels[held_out], scores[held_out], rng)
    return Scored(scores, labels, groups, fold_of_image), lost / folds


def _lost(
    model: Model,
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    scores: Floats,
    rng: np.random.Generator,
) -> Floats:
    """How much lower the AUC of some images is when one feature after the other is permuted among them."""
    count, width = features.shape
    whole = auc_alone(scores, labels)
    lost = np.zeros(width)
    for first in range(0, width, _AT_ONCE):
        columns = range(first, min(first + _AT_ONCE, width))
        copies = np.tile(features, (len(columns), 1))
        for copy, column in enumerate(columns):
            copies[copy * count : (copy + 1) * count, column] = features[rng.permutation(count), column]
        permuted = model.decision_function(copies).reshape(len(columns), count)
        lost[list(columns)] = [whole - auc_alone(row, labels) for row in permuted]
    return lost


def top_features(
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    names: Sequence[str],
    importances: Floats,
) -> tuple[Feature, ...]:
    """The `MOST_TELLING` features that tell most: by importance, and where that does not part them by their AUC alone.

    Features that say the same stand in for one another, so that none of them is missed when it is permuted.
    """
    columns = features.T.astype(np.float64)
    alone = np.array([auc_alone(column, labels) for column in columns])
    steps = np.maximum(np.floor(importances / _TELLING), 0)
    # of features that tell alike the earlier one comes first: the cause before what follows from it
    order = np.lexsort((-np.floor(np.abs(alone - 0.5) / _TELLING), -steps))[:MOST_TELLING]
    return tuple(
        Feature(
            name=names[index],
            auc=float(alone[index]),
            importance=float(importances[index]),
            distribution=distribution(columns[index], labels),
        )
        for index in order
    )


def distribution(values: Floats, labels: NDArray[np.int8]) -> Distribution:
    """Shares of both classes in `BINS` common bins over the middle 98 % of all values."""
    low, high = np.percentile(values, (1, 99))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    real, fake = (_shares(values[labels == label], edges) for label in (0, 1))
    return Distribution(edges=tuple(edges.tolist()), real=real, fake=fake)


def _shares(values: Floats, edges: Floats) -> tuple[float, ...]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return tuple((counts / max(len(values), 1)).tolist())
