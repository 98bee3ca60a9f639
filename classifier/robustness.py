"""What remains of a detector when images are processed: both classes alike, and one class at a time.

A detector that reads the origin of an image does not care which class was processed. One that reads processing does: its
AUC moves when only the reals, or only the fakes, are recompressed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from classifier.calibration import calibrated
from classifier.comparison import ENSEMBLE, Candidate, Standing, ensemble, ensemble_logits
from classifier.evaluation_report import Perturbed, Robustness, Side, SideResult
from classifier.examples import Example, Scored
from classifier.intervals import Ranked, intervals
from classifier.perturbations import GRID, Perturbation, Pixels
from classifier.scoring import ask, decoded, in_batches
from manifests.seeds import fraction

TOLERANCE = 0.05
"""By how much of AUC one class alone may move a detector beyond where it stands with none and with both processed."""

# of one group and class: a prompt may have a hundred images
_MOST_OF_A_GROUP = 4
_DRAWS = 400

Logits = Mapping[str, NDArray[np.float64]]


def stress(
    examples: Iterable[Example],
    scored: Scored,
    candidates: Sequence[Candidate],
    *,
    groups: int,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Robustness]:
    """Try every detector, and the ensemble of several, on a sample of the images under every kind of processing.

    Args:
        examples: the images again; those outside the sample are not decoded.
        scored: what the detectors said of them untouched.
        candidates: the detectors.
        groups: how many pairs, or groups of each class, the sample has.
        advance: called once for each time that an image is processed.

    Returns:
        By detector's name.
    """
    sample = scored.where(_sample(scored, groups))
    answers: dict[str, dict[str, NDArray[np.float64]]] = {
        kind.name: {candidate.standing.name: np.full(len(sample.labels), np.nan) for candidate in candidates}
        for kind in GRID
    }
    places = {name: place for place, name in enumerate(sample.names.tolist())}
    smallest = max(candidate.smallest_side for candidate in candidates)
    again = decoded((example for example in examples if example.name in places), smallest, Counter())
    for batch in in_batches(again):
        at = [places[item.example.name] for item in batch]
        for kind in GRID:
            processed = [at_least(kind.apply(item.pixels, item.example.group), smallest) for item in batch]
            for name, logits in ask(candidates, processed).items():
                answers[kind.name][name][at] = logits
            for _ in batch:
                advance()
    return dict(_results(sample, answers, [candidate.standing for candidate in candidates]))


def at_least(pixels: Pixels, side: int) -> Pixels:
    """An image mirrored at its right and lower edges until both its sides have `side` pixels: nothing is resampled."""
    height, width = pixels.shape[:2]
    if min(height, width) >= side:
        return pixels
    return np.pad(pixels, ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0)), mode="symmetric")


def _sample(scored: Scored, groups: int) -> NDArray[np.bool_]:
    """Which images: of each class those of the groups with the smallest hashes, so that pairs stay whole."""
    rank = {group: fraction("robustness", group) for group in np.unique(scored.groups).tolist()}
    chosen: set[str] = set()
    for label in (0, 1):
        of_class = np.unique(scored.groups[scored.labels == label]).tolist()
        chosen.update(sorted(of_class, key=lambda group: (rank[group], group))[:groups])
    taken: Counter[tuple[str, int]] = Counter()
    kept = np.zeros(len(scored.labels), bool)
    for place, (group, label) in enumerate(zip(scored.groups.tolist(), scored.labels.tolist(), strict=True)):
        if group in chosen and taken[group, label] < _MOST_OF_A_GROUP:
            taken[group, label] += 1
            kept[place] = True
    return kept


def _results(
    sample: Scored, answers: Mapping[str, Logits], standings: Sequence[Standing]
) -> Iterator[tuple[str, Robustness]]:
    fakes = int(sample.labels.sum())
    for standing in (*standings, *([ensemble(standings)] if len(standings) > 1 else [])):
        untouched = _logits(standing, standings, sample.logits)
        clean = _side("both", standing, sample, untouched)
        perturbed = tuple(
            _perturbed(
                kind,
                standing,
                sample,
                untouched=untouched,
                processed=_logits(standing, standings, answers[kind.name]),
                clean=clean,
            )
            for kind in GRID
        )
        reals = len(sample.labels) - fakes
        yield standing.name, Robustness(n_real=reals, n_fake=fakes, untouched=clean, perturbed=perturbed)


def _logits(standing: Standing, members: Sequence[Standing], logits: Logits) -> NDArray[np.float64]:
    return ensemble_logits(members, logits) if standing.kind == ENSEMBLE else logits[standing.name]


def _perturbed(
    kind: Perturbation,
    standing: Standing,
    sample: Scored,
    *,
    untouched: NDArray[np.float64],
    processed: NDArray[np.float64],
    clean: SideResult,
) -> Perturbed:
    touched: dict[Side, NDArray[np.bool_]] = {
        "both": np.ones(len(sample.labels), bool),
        "reals": sample.labels == 0,
        "fakes": sample.labels == 1,
    }
    results = tuple(
        _side(side, standing, sample, np.where(mask, processed, untouched)) for side, mask in touched.items()
    )
    return Perturbed(
        name=kind.name,
        family=kind.family,
        level=kind.level,
        results=results,
        follows_processing=_follows(clean, results),
    )


def _side(side: Side, standing: Standing, sample: Scored, logits: NDArray[np.float64]) -> SideResult:
    scores = expit(logits)
    ranked = Ranked.of(sample.labels, scores, standing.threshold, calibrated(logits, standing.temperature))
    figures = {name: float(values[0]) for name, values in ranked.figures(np.ones((1, len(scores)))).items()}
    bounds = intervals(ranked, sample.clusters, draws=_DRAWS)
    return SideResult(
        side=side,
        auc=_known(figures["auc"]),
        auc_interval=bounds.get("auc"),
        balanced_accuracy=_known(figures["balanced_accuracy"]),
        false_positive_rate=_known(figures["false_positive_rate"]),
        false_negative_rate=_known(figures["false_negative_rate"]),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _follows(clean: SideResult, results: Sequence[SideResult]) -> bool | None:
    auc = {result.side: result.auc for result in results}
    if clean.auc is None or auc["both"] is None:
        return None
    low, high = sorted((clean.auc, auc["both"]))
    alone = [value for side, value in auc.items() if side != "both" and value is not None]
    return any(value < low - TOLERANCE or value > high + TOLERANCE for value in alone)
