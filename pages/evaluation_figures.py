"""Drawings of the evaluation page: curves by detector, and what processing does to one, in coordinates of SVG shapes."""

from collections.abc import Sequence
from dataclasses import dataclass

from classifier.evaluation_report import DetectorEvaluation, Perturbed, Robustness, Side
from pages.audit_figures import Curve, Plot, axis, line, ticks_across, ticks_down
from pages.figures import SIDE, curve

_SIDES: tuple[tuple[Side, str], ...] = (("both", "both"), ("reals", "reals only"), ("fakes", "fakes only"))

_FEWEST_IN_A_BIN = 5


@dataclass(frozen=True)
class Trace:
    """One detector's line in a square plot: its points, and the number of its colour."""

    name: str
    colour: int
    points: str


@dataclass(frozen=True)
class Dot:
    """One bin of the reliability diagram; the area is its share of the images."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Grid:
    """A family of processing: AUC by level and by which class was processed."""

    family: str
    plot: Plot


def roc_traces(detectors: Sequence[DetectorEvaluation]) -> tuple[Trace, ...]:
    """The ROC curves of those detectors that have one."""
    return tuple(
        Trace(detector.name, number, curve(detector.roc)) for number, detector in enumerate(detectors) if detector.roc
    )


def reliability_traces(detectors: Sequence[DetectorEvaluation]) -> tuple[Trace, ...]:
    """The share of fakes by calibrated probability; bins with few images say nothing and are left out."""
    return tuple(
        Trace(
            detector.name,
            number,
            curve([(bin_.probability, bin_.fakes) for bin_ in detector.reliability if bin_.n >= _FEWEST_IN_A_BIN]),
        )
        for number, detector in enumerate(detectors)
        if detector.metrics.ece is not None
    )


def reliability_dots(detector: DetectorEvaluation) -> tuple[Dot, ...]:
    """The bins of one detector."""
    total = sum(bin_.n for bin_ in detector.reliability)
    return tuple(
        Dot(
            round(bin_.probability * SIDE, 1),
            round((1 - bin_.fakes) * SIDE, 1),
            round(2 + 12 * (bin_.n / total) ** 0.5, 1),
        )
        for bin_ in detector.reliability
        if bin_.n >= _FEWEST_IN_A_BIN
    )


def grids(robustness: Robustness) -> tuple[Grid, ...]:
    """A plot a family that has levels; AUC from 0 to 1."""
    families: dict[str, list[Perturbed]] = {}
    for perturbed in robustness.perturbed:
        if perturbed.level is not None:
            families.setdefault(perturbed.family, []).append(perturbed)
    return tuple(
        Grid(family, _plot(sorted(found, key=lambda one: one.level or 0.0))) for family, found in families.items()
    )


def _plot(found: Sequence[Perturbed]) -> Plot:
    levels = [one.level or 0.0 for one in found]
    x, y = axis(levels[0], levels[-1]), axis(0.0, 1.0)
    curves = []
    for number, (side, name) in enumerate(_SIDES):
        values = [result.auc for one in found for result in one.results if result.side == side]
        known = [value for value in values if value is not None]
        if len(known) == len(levels):
            curves.append(Curve(name, number, line(levels, known, x, y)))
    return Plot(tuple(curves), ticks_across(x), ticks_down(y))
