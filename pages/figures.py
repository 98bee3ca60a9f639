"""Geometry of the page's drawings: numbers in, coordinates of SVG shapes out. The templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 300.0
"""Width and height of a plot's area, in SVG units; y runs down."""

BAR = 160.0
"""Width of an interval bar's area, in SVG units."""


@dataclass(frozen=True)
class Bar:
    """An upright rectangle of a histogram."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval on a scale from 0 to 1, `BAR` units wide."""

    low: float
    value: float
    high: float


def curve(points: Sequence[tuple[float, float]]) -> str:
    """The `points` of a polyline through (x, y) in the unit square."""
    return " ".join(f"{x * SIDE:.1f},{(1 - y) * SIDE:.1f}" for x, y in points)


def histogram(shares: Sequence[float], largest: float) -> tuple[Bar, ...]:
    """Bars of equal width side by side; `largest` is the share that fills the plot's height."""
    width = SIDE / len(shares)
    heights = [SIDE * share / max(largest, 1e-9) for share in shares]
    return tuple(
        Bar(round(index * width, 2), round(SIDE - height, 2), round(width, 2), round(height, 2))
        for index, height in enumerate(heights)
    )


def interval(value: float | None, low: float | None, high: float | None) -> Interval | None:
    """Where an AUC and its interval lie on the bar; None without a value."""
    if value is None or low is None or high is None:
        return None
    return Interval(*(round(max(0.0, min(1.0, end)) * BAR, 1) for end in (low, value, high)))
