import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifier.metrics import best_threshold, split_metrics
from manifests.errors import DatasetError

Scored = tuple[NDArray[np.int8], NDArray[np.float32]]


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """Labels of both classes, and scores with many ties."""
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=20))]
    scores = [draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.50000006, 0.9, 1.0])) for _ in labels]
    return np.array(labels, np.int8), np.array(scores, np.float32)


@settings(deadline=None)
@given(scored())
def test_no_threshold_is_better(given_scores: Scored):
    labels, scores = given_scores
    chosen = best_threshold(labels, scores)
    best = max(balanced_accuracy(labels, scores, cut) for cut in (-1.0, *scores.astype(float)))
    assert balanced_accuracy(labels, scores, chosen) == pytest.approx(best)


def balanced_accuracy(labels: NDArray[np.int8], scores: NDArray[np.float32], cut: float) -> float:
    called = scores.astype(float) > cut
    return float(called[labels == 1].mean() + (~called[labels == 0]).mean()) / 2


def test_a_gap_between_the_classes_is_cut_in_the_middle():
    scores = np.array([0.1, 0.3, 0.7, 0.8], np.float32)
    assert best_threshold(np.array([0, 0, 1, 1], np.int8), scores) == pytest.approx(0.5)


def test_of_equal_thresholds_the_middle_one_is_taken():
    # each fake that is won costs a real: 0.15, 0.35 and 0.55 are as good as each other
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], np.float32)
    labels = np.array([0, 1, 0, 1, 0, 1], np.int8)
    assert best_threshold(labels, scores) == pytest.approx(0.35)


def test_an_image_exactly_at_the_threshold_is_called_real():
    metrics = split_metrics(np.array([0, 1], np.int8), np.array([0.5, 0.5], np.float32), 0.5)
    assert metrics.confusion == ((1, 0), (1, 0))


def test_no_fake_found_is_no_error():
    metrics = split_metrics(np.array([0, 1, 1], np.int8), np.array([0.2, 0.1, 0.3], np.float32), 0.9)
    assert (metrics.f1, metrics.accuracy, metrics.balanced_accuracy) == (0, pytest.approx(1 / 3), 0.5)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_cannot_be_measured(label: int):
    labels, scores = np.full(3, label, np.int8), np.zeros(3, np.float32)
    with pytest.raises(DatasetError, match="both needed"):
        split_metrics(labels, scores, 0.5)
    with pytest.raises(DatasetError, match="both needed"):
        best_threshold(labels, scores)
