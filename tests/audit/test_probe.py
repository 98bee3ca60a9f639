"""The measure of separability: AUC, folds by group, bootstrap, verdicts."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from audit.probe import (
    CLASSIFIERS,
    Classifier,
    Estimate,
    Scored,
    auc,
    control_verdict,
    cross_validated,
    estimate_auc,
    grouped_folds,
    telling_features,
    verdict,
    weighted_aucs,
)


def labels_and_groups(pairs: int):
    """Labels and pair numbers of images that stand as all reals, then all fakes in the same order."""
    return np.repeat(np.array([0, 1], dtype=np.int8), pairs), np.tile(np.arange(pairs), 2)


def scored(scores: Sequence[float], labels: Sequence[int], folds: Sequence[int] | None = None):
    count = len(scores)
    return Scored(
        np.asarray(scores, dtype=float),
        np.asarray(labels, dtype=np.int8),
        np.arange(count),
        np.zeros(count, dtype=np.intp) if folds is None else np.asarray(folds),
    )


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(0, 4)), min_size=4, max_size=60).filter(
        lambda rows: {label for _, label, weight in rows if weight} == {0, 1}
    )
)
def test_a_weighted_auc_is_scikit_learns(rows: list[tuple[int, int, int]]):
    scores, labels, weights = (np.array(column) for column in zip(*rows, strict=True))
    ours = weighted_aucs(scored(scores, labels), weights[None, :].astype(float))[0]
    kept = weights > 0
    assert ours == pytest.approx(roc_auc_score(labels[kept], scores[kept], sample_weight=weights[kept]), abs=1e-9)


def test_images_are_compared_inside_their_fold_only():
    # in each fold the fake scores higher; across the folds it does not
    assert auc(scored([0, 1, 10, 11], [0, 1, 0, 1], folds=[0, 0, 1, 1])) == 1
    assert auc(scored([0, 1, 10, 11], [0, 1, 0, 1])) == 0.75


@settings(max_examples=50, deadline=None)
@given(pairs=st.integers(10, 200), folds=st.integers(2, 10), seed=st.integers(0, 1000))
def test_a_group_is_in_one_fold_and_the_folds_are_alike(pairs: int, folds: int, seed: int):
    _, groups = labels_and_groups(pairs)
    fold_of_image = grouped_folds(groups, folds, seed)
    assert (fold_of_image[:pairs] == fold_of_image[pairs:]).all()
    sizes = np.bincount(fold_of_image, minlength=folds)
    assert sizes.max() - sizes.min() <= 2


def twins(pairs: int, shift: float, seed: int = 0):
    """Reals and fakes that share their content: fakes differ by `shift` deviations in the third of eight features."""
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(pairs, 8))
    fake = real + rng.normal(scale=0.05, size=real.shape)
    fake[:, 2] += shift
    return np.concatenate([real, fake]).astype(np.float32), *labels_and_groups(pairs)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_shift_is_measured_and_its_absence_too(classifier: Classifier):
    def estimate(shift: float):
        return estimate_auc(cross_validated(classifier, *twins(600, shift), folds=5, seed=1), draws=100, seed=1)

    # two normal distributions one deviation apart: AUC = normal cdf of 1 / sqrt 2 = 0.760
    found = estimate(1.0)
    assert found.low < found.auc < found.high
    assert found.auc == pytest.approx(0.76, abs=0.05)
    nothing = estimate(0.0)
    assert nothing.auc == pytest.approx(0.5, abs=0.03)
    assert nothing.low <= 0.51
    assert nothing.high >= 0.49


def test_without_grouped_folds_twins_push_the_auc_below_one_half():
    features, labels, groups = twins(400, 0.0)
    alone = np.arange(len(labels))
    ungrouped = auc(cross_validated("gradient boosting", features, labels, alone, folds=5, seed=0))
    grouped = auc(cross_validated("gradient boosting", features, labels, groups, folds=5, seed=0))
    assert ungrouped < 0.4
    assert grouped == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("images", "half_width"), [(200, 0.057), (1000, 0.025)])
def test_the_interval_is_as_wide_as_the_reference_says_for_unrelated_images(images: int, half_width: float):
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], images)
    estimate = estimate_auc(scored(rng.normal(size=2 * images), labels), draws=400, seed=0)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(half_width, rel=0.2)


def test_the_planted_feature_is_named_first():
    features, labels, _ = twins(300, 0.5)
    top = telling_features(features, labels, [f"feature_{index}" for index in range(8)])
    assert top[0].name == "feature_2"
    assert top[0].auc > 0.6
    assert len(top) == 5


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (Estimate(0.70, 0.65, 0.75), "fail"),
        (Estimate(0.62, 0.58, 0.66), "warn"),
        (Estimate(0.55, 0.49, 0.62), "too-few"),
        (Estimate(0.55, 0.52, 0.58), "ok"),
        (Estimate(0.70, 0.55, 0.85), "warn"),
    ],
)
def test_verdicts_against_a_limit(estimate: Estimate, expected: str):
    assert verdict(estimate, 0.6) == expected


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (Estimate(0.50, 0.49, 0.51), "ok"),
        (Estimate(0.52, 0.51, 0.53), "ok"),
        (Estimate(0.55, 0.54, 0.56), "fail"),
        (Estimate(0.45, 0.44, 0.46), "fail"),
        (Estimate(0.54, 0.52, 0.56), "warn"),
        (Estimate(0.46, 0.44, 0.48), "warn"),
        (Estimate(0.54, 0.48, 0.60), "warn"),
        (Estimate(0.50, 0.45, 0.55), "too-few"),
    ],
)
def test_verdicts_of_a_control(estimate: Estimate, expected: str):
    assert control_verdict(estimate, 0.03) == expected
