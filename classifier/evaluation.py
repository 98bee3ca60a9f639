"""What detectors are worth on images: figures with intervals, by generator and source, and which images to look at."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from classifier.calibration import calibrated
from classifier.comparison import Candidate, Standing, ensemble, ensemble_logits
from classifier.curves import reliability, roc, shares
from classifier.evaluation_report import (
    AucDifference,
    Cell,
    DetectorEvaluation,
    EvaluatedSet,
    Evaluation,
    Part,
    ReliabilityBin,
    Robustness,
)
from classifier.examples import Described, Example, Scored
from classifier.galleries import galleries
from classifier.intervals import Ranked, difference
from classifier.metrics import measured
from classifier.report import SplitMetrics
from classifier.robustness import stress
from classifier.scoring import score
from manifests.errors import DatasetError
from manifests.records import LABELS


def evaluate(
    examples: Callable[[], Iterable[Example]],
    described: Described,
    candidates: Sequence[Candidate],
    *,
    robustness_groups: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Evaluation, Scored]:
    """Measure detectors on the same images; of several, their ensemble too.

    Args:
        examples: gives the images; asked a second time for the robustness grid.
        described: what they are.
        candidates: the detectors, each by another name.
        robustness_groups: how many pairs or groups the grid of processing is tried on; 0: no grid.
        advance: called once an image, and once for each time that one is processed.

    Raises:
        DatasetError: not one image could be scored.
    """
    scored, skipped = score(examples(), candidates, advance)
    if not len(scored.labels):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in skipped.items()) or "there are none"
        raise DatasetError(f"{described.name}: no image could be scored ({reasons}).")
    standings = [candidate.standing for candidate in candidates]
    grids = (
        stress(examples(), scored, candidates, groups=robustness_groups, advance=advance) if robustness_groups else {}
    )
    if len(candidates) > 1:
        joint = ensemble(standings)
        scored = scored.with_logits({**scored.logits, joint.name: ensemble_logits(standings, scored.logits)})
        standings.append(joint)
    detectors = tuple(_evaluation(standing, standings[0], scored, grids) for standing in standings)
    return Evaluation(data=_data(scored, described, skipped), detectors=detectors), scored


def _data(scored: Scored, described: Described, skipped: Mapping[str, int]) -> EvaluatedSet:
    fakes = int(scored.labels.sum())
    notes = list(described.notes)
    if fakes == len(scored.labels):
        notes.append(
            "Fakes only: recall is all that can be measured; how many reals would be called fake is not known."
        )
    if not fakes:
        notes.append("Reals only: the false positive rate is all that can be measured.")
    return EvaluatedSet(
        name=described.name,
        digest=described.digest,
        split=described.split,
        n_real=len(scored.labels) - fakes,
        n_fake=fakes,
        groups=len(np.unique(scored.groups)),
        generators=_names(scored.generators),
        sources=_names(scored.sources),
        skipped=dict(sorted(skipped.items())),
        notes=tuple(notes),
    )


def _evaluation(
    standing: Standing, first: Standing, scored: Scored, grids: Mapping[str, Robustness]
) -> DetectorEvaluation:
    logits = scored.logits[standing.name]
    probabilities = calibrated(logits, standing.temperature)
    reals, fakes = scored.labels == 0, scored.labels == 1
    return DetectorEvaluation(
        name=standing.name,
        kind=standing.kind,
        threshold=standing.threshold,
        threshold_from=standing.threshold_from,
        temperature=standing.temperature,
        trained_on=standing.dataset,
        generators=None if standing.generators is None else tuple(sorted(standing.generators)),
        sources=None if standing.sources is None else tuple(sorted(standing.sources)),
        metrics=_measured(standing, scored),
        by_generator=_by_generator(standing, scored),
        by_source=_by_source(standing, scored),
        by_view=_by_view(standing, scored),
        table=_table(standing, scored),
        roc=roc(probabilities[reals], probabilities[fakes]) if reals.any() and fakes.any() else (),
        histogram=(shares(probabilities[reals]), shares(probabilities[fakes])),
        reliability=tuple(
            ReliabilityBin(n=n, probability=mean, fakes=share)
            for n, mean, share in reliability(scored.labels, probabilities)
        ),
        galleries=galleries(standing, scored, probabilities),
        auc_difference=_difference(standing, first, scored),
        robustness=grids.get(standing.name),
        notes=_notes(standing),
    )


def _notes(standing: Standing) -> tuple[str, ...]:
    if standing.threshold_from == "published":
        return ("Its threshold is a published one, or rests on one that is: no validation here chose it.",)
    return ()


def _measured(standing: Standing, scored: Scored) -> SplitMetrics:
    return measured(
        scored.labels,
        expit(scored.logits[standing.name]),
        standing.threshold,
        temperature=standing.temperature,
        clusters=scored.clusters,
    )


def _by_generator(standing: Standing, scored: Scored) -> tuple[Part, ...]:
    """Each generator's fakes against the reals that they belong to."""
    found = []
    for name in _names(scored.generators):
        chosen = scored.against_reals(scored.generators == name, scored.labels == 0)
        found.append(_part(name, standing.generators, standing, scored.where(chosen)))
    return tuple(found)


def _by_source(standing: Standing, scored: Scored) -> tuple[Part, ...]:
    """The reals of each source against the fakes that belong to them; against all fakes where none do."""
    found = []
    fakes = scored.labels == 1
    for name in _names(scored.sources[~fakes]):
        reals = ~fakes & (scored.sources == name)
        own = fakes & np.isin(scored.groups, scored.groups[reals])
        found.append(_part(name, standing.sources, standing, scored.where(reals | (own if own.any() else fakes))))
    return tuple(found)


def _by_view(standing: Standing, scored: Scored) -> tuple[Part, ...]:
    views = _names(scored.views)
    if len(views) < 2:
        return ()
    return tuple(
        Part(name=view, held_out=None, metrics=_measured(standing, scored.where(scored.views == view)))
        for view in views
    )


def _table(standing: Standing, scored: Scored) -> tuple[Cell, ...]:
    """A cell for each generator and source of reals that meet."""
    cells = []
    reals = scored.labels == 0
    for generator in _names(scored.generators):
        fakes = scored.generators == generator
        paired = bool(np.isin(scored.groups[fakes], scored.groups[reals]).any())
        for source in _names(scored.sources[reals]):
            from_source = scored.sources == source
            # a fake made from a real is measured against reals of the same source and view only
            met = np.isin(scored.views, scored.views[fakes]) if paired else np.ones_like(reals)
            chosen = scored.where((fakes & from_source if paired else fakes) | (reals & from_source & met))
            if not chosen.labels.any():
                continue
            cells.append(
                Cell(
                    generator=generator,
                    source=source,
                    held_out_generator=_held_out(generator, standing.generators),
                    held_out_source=_held_out(source, standing.sources),
                    metrics=_measured(standing, chosen),
                )
            )
    return tuple(cells)


def _part(name: str, known: frozenset[str] | None, standing: Standing, chosen: Scored) -> Part:
    return Part(name=name, held_out=_held_out(name, known), metrics=_measured(standing, chosen))


def _held_out(name: str, trained_on: frozenset[str] | None) -> bool | None:
    return None if trained_on is None else name not in trained_on


def _difference(standing: Standing, first: Standing, scored: Scored) -> AucDifference | None:
    if standing is first or len(np.unique(scored.labels)) < len(LABELS):
        return None
    mine, other = (_ranked(one, scored) for one in (standing, first))
    even = np.ones((1, len(scored.labels)))
    value = float((mine.figures(even)["auc"] - other.figures(even)["auc"])[0])
    return AucDifference(value=value, interval=difference(mine, other, scored.clusters))


def _ranked(standing: Standing, scored: Scored) -> Ranked:
    logits = scored.logits[standing.name]
    return Ranked.of(scored.labels, expit(logits), standing.threshold, calibrated(logits, standing.temperature))


def _names(values: NDArray[np.str_]) -> tuple[str, ...]:
    """The distinct names, sorted, without the empty one."""
    return tuple(sorted(set(values.tolist()) - {""}))
