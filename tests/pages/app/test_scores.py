import pyarrow.parquet as pq
import pytest

from classifier.report import METRICS, PREDICTIONS, DetectorReport
from pages.app.context import AppContext
from pages.app.judgements import Judgement, moment
from pages.app.scores import detector_answers, detector_standing, standing, wilson


def judgement(pair_id: str, member: str, answer: str, seconds: float = 2.0) -> Judgement:
    return Judgement(
        person="Ann",
        round=1,
        number=0,
        images=4,
        pair_id=pair_id,
        member=member,
        truth="real" if member == "real" else "fake",
        answer=answer,
        seconds=seconds,
        at=moment(),
    )


# from statsmodels.stats.proportion.proportion_confint(method="wilson")
@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [
        (8, 10, 0.490162, 0.943318),
        (50, 100, 0.403832, 0.596168),
        (0, 10, 0.0, 0.277533),
        (10, 10, 0.722467, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_is_wilsons(right: int, images: int, low: float, high: float):
    assert wilson(right, images) == pytest.approx((low, high), abs=1e-6)


def test_a_persons_score_by_side():
    given = [
        judgement("a", "real", "real", 1),
        judgement("b", "real", "fake", 2),
        judgement("c", "vae", "fake", 30),
    ]
    mine = standing("Ann", given)
    assert (mine.score.right, mine.score.images) == (2, 3)
    assert (mine.reals.right, mine.reals.images) == (1, 2)
    assert (mine.fakes.right, mine.fakes.images) == (1, 1)
    assert mine.seconds == 2


def test_the_detector_is_asked_of_the_same_images_and_each_once():
    given = [judgement("a", "real", "real"), judgement("a", "real", "fake"), judgement("c", "vae", "fake")]
    found = detector_standing({("a", "real"): True, ("c", "vae"): True, ("z", "real"): True}, given)
    assert found is not None
    assert (found.score.right, found.score.images) == (1, 2)
    assert (found.reals.right, found.fakes.right) == (0, 1)
    assert detector_standing({("z", "real"): True}, given) is None


def test_a_trained_detectors_answers_are_its_scores_at_its_threshold(trained: AppContext):
    pairs = [pair for pair in trained.opened.pairs() if pair.split == "test"][:3]
    answers = detector_answers(trained.detector, [pair.pair_id for pair in pairs])
    assert set(answers) == {(pair.pair_id, name) for pair in pairs for name in pair.members}
    assert set(answers.values()) <= {True, False}
    assert detector_answers(trained.detector, []) == {}
    assert detector_answers(None, ["a"]) == {}


def test_a_score_at_the_threshold_is_no_fake_here_either(trained: AppContext):
    assert trained.detector is not None
    with trained.detector.open(PREDICTIONS) as stream:
        [row] = pq.read_table(stream).slice(0, 1).to_pylist()
    report = DetectorReport.model_validate_json(trained.detector.read(METRICS))
    at = report.model_copy(update={"threshold": row["score"]})
    trained.detector.write(METRICS, at.model_dump_json().encode())
    assert detector_answers(trained.detector, [row["pair_id"]])[row["pair_id"], row["member"]] is False
