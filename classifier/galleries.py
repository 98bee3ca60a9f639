"""Which images of an evaluation to look at: mistakes, sure answers and unsure ones, of either class."""

import numpy as np
from numpy.typing import NDArray

from classifier.calibration import logits_of
from classifier.comparison import Standing
from classifier.evaluation_report import Gallery, NamedScore
from classifier.examples import Scored
from manifests.records import LABELS

SHOWN = 12
"""Images in each list of a gallery."""

Floats = NDArray[np.float64]


def galleries(standing: Standing, scored: Scored, probabilities: Floats) -> tuple[Gallery, ...]:
    """A gallery of the reals and one of the fakes.

    Args:
        standing: the detector.
        scored: what it said.
        probabilities: (n,): calibrated, of fake.
    """
    margins = scored.logits[standing.name] - logits_of(np.array([standing.threshold]))[0]
    found = []
    for label in ("real", "fake"):
        of_class = scored.labels == LABELS[label]
        wrong = margins <= 0 if label == "fake" else margins > 0
        rightness = margins if label == "fake" else -margins
        found.append(
            Gallery(
                label=label,
                mistakes=_first(scored, probabilities, of_class & wrong, rightness),
                most_confident=_first(scored, probabilities, of_class & ~wrong, -rightness),
                least_confident=_first(scored, probabilities, of_class, np.abs(margins)),
            )
        )
    return tuple(found)


def _first(scored: Scored, probabilities: Floats, chosen: NDArray[np.bool_], rank: Floats) -> tuple[NamedScore, ...]:
    """Those of the chosen images that rank lowest."""
    places = sorted(np.flatnonzero(chosen), key=lambda place: (rank[place], scored.names[place]))
    return tuple(
        NamedScore(
            name=str(scored.names[place]),
            generator=str(scored.generators[place]),
            source=str(scored.sources[place]),
            probability=float(probabilities[place]),
        )
        for place in places[:SHOWN]
    )
