import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from classifier.calibration import calibrated, fit_temperature, logits_of
from classifier.intervals import Ranked, _draws, difference, intervals
from classifier.metrics import measured

Scored = tuple[NDArray[np.int8], NDArray[np.float64]]


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """Labels of both classes, and scores with many ties."""
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=20))]
    scores = [draw(st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])) for _ in labels]
    return np.array(labels, np.int8), np.array(scores)


@given(scored(), st.data())
def test_weights_count_images_as_often_as_they_say(given_scores: Scored, data: st.DataObject):
    labels, scores = given_scores
    times = np.array(
        [1, 1, *data.draw(st.lists(st.integers(0, 3), min_size=len(labels) - 2, max_size=len(labels) - 2))]
    )
    found = Ranked.of(labels, scores, 0.5, scores).figures(times[None].astype(float))
    label, score = np.repeat(labels, times), np.repeat(scores, times)
    assert found["auc"][0] == pytest.approx(roc_auc_score(label, score))
    assert found["ap"][0] == pytest.approx(average_precision_score(label, score))
    assert found["f1"][0] == pytest.approx(f1_score(label, score > 0.5))
    if (score > 0.5).any():
        assert found["precision"][0] == pytest.approx(precision_score(label, score > 0.5))


@given(scored())
def test_with_even_weights_the_figures_are_those_that_are_reported(given_scores: Scored):
    labels, scores = given_scores
    reported = measured(labels, scores, 0.5).model_dump(exclude={"n_real", "n_fake", "confusion", "intervals"})
    found = Ranked.of(labels, scores, 0.5, scores).figures(np.ones((1, len(labels))))
    for name, values in found.items():
        if reported[name] is None:
            assert np.isnan(values[0])
        else:
            assert values[0] == pytest.approx(reported[name], abs=1e-5), name


def test_pairs_are_drawn_whole():
    # each cluster holds one right and one wrong answer: whichever are drawn, half are right
    labels, scores = np.array([0, 1] * 10, np.int8), np.full(20, 0.9)
    found = intervals(Ranked.of(labels, scores, 0.5, scores), np.repeat(np.arange(10), 2))
    assert found["accuracy"] == (0.5, 0.5)
    alone = intervals(Ranked.of(labels, scores, 0.5, scores), np.arange(20))
    assert alone["accuracy"][0] < 0.4
    assert alone["accuracy"][1] > 0.6


def test_the_interval_holds_what_was_measured_and_narrows_with_more_pairs():
    def width(pairs: int) -> float:
        rng = np.random.default_rng(3)
        labels = np.tile([0, 1], pairs).astype(np.int8)
        scores = 1 / (1 + np.exp(-rng.normal(labels * 2.0, 1)))
        low, high = measured(labels, scores, 0.6, clusters=np.repeat(np.arange(pairs), 2)).intervals["auc"]
        assert low < roc_auc_score(labels, scores) < high
        return high - low

    assert width(400) < 0.6 * width(100)


def test_few_clusters_have_no_interval():
    labels, scores = np.array([0, 1, 0, 1], np.int8), np.array([0.1, 0.9, 0.2, 0.8])
    assert measured(labels, scores, 0.5, clusters=np.arange(4)).intervals == {}


def test_of_many_clusters_only_some_draws_are_held_at_once():
    count, draws = 50_000, 400
    tracemalloc.start()
    try:
        drawn = sum(len(block) for block in _draws(count, count, draws))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert drawn == draws
    # all of them would take 160 MB
    assert peak < 64e6


def test_one_class_alone_has_its_own_rate_and_nothing_else():
    labels, scores = np.ones(20, np.int8), np.linspace(0.1, 0.9, 20)
    found = measured(labels, scores, 0.4, clusters=np.arange(20))
    assert found.recall == pytest.approx((scores > 0.4).mean())
    assert (found.auc, found.accuracy, found.precision, found.false_positive_rate, found.ece) == (None,) * 5
    assert set(found.intervals) == {"recall", "false_negative_rate"}


def test_a_detector_does_not_differ_from_itself_and_a_better_one_does():
    rng = np.random.default_rng(0)
    labels, clusters = np.tile([0, 1], 100).astype(np.int8), np.repeat(np.arange(100), 2)
    noise = rng.normal(0, 0.2, 200)
    good, poor = labels + noise, labels * 0.1 + noise
    ranked = [Ranked.of(labels, scores, 0.5, np.full(200, 0.5)) for scores in (good, poor)]
    assert difference(ranked[0], ranked[0], clusters) == (0.0, 0.0)
    interval = difference(ranked[0], ranked[1], clusters)
    assert interval is not None
    assert interval[0] > 0.1


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_overconfidence(overconfidence: float):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < calibrated(logits, 1.0)).astype(np.int8)
    assert fit_temperature(logits * overconfidence, labels) == pytest.approx(overconfidence, rel=0.1)


def test_certain_scores_have_finite_logits():
    assert np.isfinite(logits_of(np.array([0.0, 1.0]))).all()
    assert fit_temperature(np.array([-30.0, 30.0]), np.array([0, 1], np.int8)) > 0


def test_calibration_is_measured_after_the_temperature():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 2000)
    labels = (rng.random(2000) < calibrated(logits, 1.0)).astype(np.int8)
    found = measured(labels, calibrated(logits * 4, 1.0), 0.5, temperature=4.0)
    assert found.ece is not None
    assert found.ece_uncalibrated is not None
    assert found.ece < 0.04
    assert found.ece_uncalibrated > 0.1


def test_no_mistake_among_few_images_is_no_proof_of_perfection():
    labels, scores = np.tile([0, 1], 30).astype(np.int8), np.tile([0.1, 0.9], 30)
    found = measured(labels, scores, 0.5, clusters=np.repeat(np.arange(30), 2)).intervals
    assert found["false_positive_rate"] == (0.0, pytest.approx(3 / 30, rel=0.06))
    assert found["recall"] == (pytest.approx(1 - 3 / 30, rel=0.01), 1.0)
