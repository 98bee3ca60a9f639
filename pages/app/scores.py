"""How often people are right, and the detector on the same images."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq
from pydantic import ValidationError

from classifier.report import METRICS, PREDICTIONS, DetectorReport
from manifests.storage import Folder
from pages.app.judgements import Judgement

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Score:
    """A share of right answers, with its Wilson interval.

    Attributes:
        right: number of right answers.
        images: number of answers.
        low: lower end of the 95 % interval.
        high: upper end.
    """

    right: int
    images: int
    low: float
    high: float

    @classmethod
    def of(cls, answers: Iterable[bool]) -> "Score":
        """The score of some answers."""
        counted = list(answers)
        low, high = wilson(sum(counted), len(counted))
        return cls(sum(counted), len(counted), low, high)

    @property
    def share(self) -> float:
        """Right answers among all; 0 where there are none."""
        return self.right / self.images if self.images else 0.0


@dataclass(frozen=True)
class Standing:
    """One person, or the detector on the images that a person has judged.

    Attributes:
        name: whose.
        score: of all images.
        reals: of real images: the others were taken for fakes.
        fakes: of fakes: the others were taken for real.
        seconds: the median time an image took; None for the detector.
    """

    name: str
    score: Score
    reals: Score
    fakes: Score
    seconds: float | None


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, JASA 22, 1927): it stays within 0 and 1, and holds for few images.

    Args:
        right: number of hits.
        images: number of tries; none give the whole of 0 to 1.
    """
    if images == 0:
        return 0.0, 1.0
    share, square = right / images, _Z95**2
    middle = share + square / (2 * images)
    half = _Z95 * math.sqrt(share * (1 - share) / images + square / (4 * images**2))
    return max((middle - half) / (1 + square / images), 0.0), min((middle + half) / (1 + square / images), 1.0)


def standing(name: str, judgements: Sequence[Judgement]) -> Standing:
    """How one person did."""
    times = sorted(judgement.seconds for judgement in judgements)
    return Standing(
        name=name,
        score=Score.of(judgement.is_right for judgement in judgements),
        reals=Score.of(judgement.is_right for judgement in judgements if judgement.truth == "real"),
        fakes=Score.of(judgement.is_right for judgement in judgements if judgement.truth == "fake"),
        seconds=times[len(times) // 2] if times else None,
    )


def detector_standing(answers: Mapping[tuple[str, str], bool], judgements: Sequence[Judgement]) -> Standing | None:
    """How the detector did on the images that were judged; None where it has scored none of them.

    Args:
        answers: whether it calls an image fake, by pair id and member.
        judgements: of people.
    """
    asked = {(judgement.pair_id, judgement.member): judgement.truth for judgement in judgements}
    right = {image: answers[image] == (truth == "fake") for image, truth in asked.items() if image in answers}
    if not right:
        return None
    return Standing(
        name="the detector, same images",
        score=Score.of(right.values()),
        reals=Score.of(hit for image, hit in right.items() if asked[image] == "real"),
        fakes=Score.of(hit for image, hit in right.items() if asked[image] == "fake"),
        seconds=None,
    )


def detector_answers(detector: Folder | None, pair_ids: Iterable[str]) -> dict[tuple[str, str], bool]:
    """What a detector said of some pairs' members: whether it calls them fake; empty where it has said nothing.

    Args:
        detector: the folder of a training.
        pair_ids: of which pairs.
    """
    wanted = sorted(set(pair_ids))
    if detector is None or not wanted:
        return {}
    try:
        threshold = DetectorReport.model_validate_json(detector.read(METRICS)).threshold
    except (FileNotFoundError, ValidationError):
        return {}
    with detector.open(PREDICTIONS) as stream:
        table = pq.read_table(stream, columns=["pair_id", "member", "score"], filters=[("pair_id", "in", wanted)])
    return {(row["pair_id"], row["member"]): row["score"] > threshold for row in table.to_pylist()}
