"""Which feature a classifier went by."""

import numpy as np
import pytest

from audit.importance import BINS, distribution, measured, top_features
from audit.probe import CLASSIFIERS, Classifier, cross_validated


def twins(pairs: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight features, of which the third tells, and the sixth is a copy of it with noise."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2 * pairs, 8)).astype(np.float32)
    labels = np.repeat(np.array([0, 1], dtype=np.int8), pairs)
    features[:, 2] += 1.5 * labels
    features[:, 5] = features[:, 2] + 2 * features[:, 5]
    return features, labels, np.tile(np.arange(pairs), 2)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_feature_that_tells_is_named_first_with_its_distributions(classifier: Classifier):
    features, labels, groups = twins()
    scored, importances = measured(classifier, features, labels, groups, folds=4, seed=1)
    assert (scored.scores == cross_validated(classifier, features, labels, groups, folds=4, seed=1).scores).all()
    first, *others = top_features(features, labels, [f"feature_{index}" for index in range(8)], importances)
    assert first.name == "feature_2"
    assert first.importance > 0.1
    assert max(other.importance for other in others) < first.importance / 3
    middle = np.average(first.distribution.edges[1:], weights=first.distribution.fake)
    assert middle > np.average(first.distribution.edges[1:], weights=first.distribution.real) + 1


def test_shares_add_up_to_one_whatever_the_values():
    labels = np.array([0, 0, 1, 1, 1], dtype=np.int8)
    for values in ([0, 0, 0, 0, 0], [0, 1, 0, 1, 1], [-1e6, 0, 1, 2, 1e6]):
        found = distribution(np.array(values, dtype=float), labels)
        assert len(found.edges) == BINS + 1
        assert list(found.edges) == sorted(found.edges)
        assert sum(found.real) == pytest.approx(1)
        assert sum(found.fake) == pytest.approx(1)
