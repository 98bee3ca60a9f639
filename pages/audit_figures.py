"""Geometry of the audit page's drawings: numbers in, coordinates of SVG shapes out. The templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 340.0, 170.0
"""A plot's area, in SVG units; y runs down."""

_MOST_TICKS = 6


@dataclass(frozen=True)
class Axis:
    """A range of values, and the round ones among them."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high end; what lies outside is moved to the end."""
        return max(0.0, min(1.0, (value - self.low) / (self.high - self.low)))


def axis(low: float, high: float) -> Axis:
    """An axis that holds both ends, with at most six round ticks on it."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / (_MOST_TICKS - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    ticks = [round(number * step, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(low, high, tuple(ticks))


@dataclass(frozen=True)
class Tick:
    """A place on a plot's edge, and what stands there."""

    at: float
    text: str


def ticks_across(scale: Axis) -> tuple[Tick, ...]:
    """The ticks of a horizontal axis."""
    return tuple(Tick(round(scale.share(tick) * WIDTH, 1), f"{tick:g}") for tick in scale.ticks)


def ticks_down(scale: Axis) -> tuple[Tick, ...]:
    """The ticks of an upright axis."""
    return tuple(Tick(round((1 - scale.share(tick)) * HEIGHT, 1), f"{tick:g}") for tick in scale.ticks)


def line(across: Sequence[float], down: Sequence[float], x: Axis, y: Axis) -> str:
    """The `points` of a polyline through (across, down)."""
    return " ".join(
        f"{x.share(a) * WIDTH:.1f},{(1 - y.share(d)) * HEIGHT:.1f}" for a, d in zip(across, down, strict=True)
    )


def steps(edges: Sequence[float], shares: Sequence[float], x: Axis, y: Axis) -> str:
    """The outline of a histogram from the ground and back to it, as the `points` of a polygon."""
    corners = [(edges[0], 0.0)]
    for left, right, share in zip(edges, edges[1:], shares, strict=False):
        corners += [(left, share), (right, share)]
    corners.append((edges[len(shares)], 0.0))
    return line([a for a, _ in corners], [d for _, d in corners], x, y)


@dataclass(frozen=True)
class Histograms:
    """Two histograms over the same bins: the outlines, and the ticks below."""

    first: str
    second: str
    ticks: tuple[Tick, ...]


def histograms(edges: Sequence[float], first: Sequence[float], second: Sequence[float]) -> Histograms:
    """Two classes' shares per bin; the tallest bar of both reaches the top."""
    x = axis(edges[0], edges[-1])
    y = axis(0.0, max(*first, *second, 1e-9) * 1.05)
    return Histograms(steps(edges, first, x, y), steps(edges, second, x, y), ticks_across(x))


@dataclass(frozen=True)
class Curve:
    """One named line of a plot, and the number of its colour."""

    name: str
    colour: int
    points: str


@dataclass(frozen=True)
class Plot:
    """Lines over a common range, with the ticks of both axes."""

    curves: tuple[Curve, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]
    zero: float | None = None


def plot(
    across: Sequence[float], curves: Sequence[tuple[str, Sequence[float]]], *, names: Sequence[str], zero: bool = False
) -> Plot:
    """Lines by name over the values `across`.

    Args:
        across: what stands on the horizontal axis.
        curves: each line's name and its values.
        names: all names of a page: a name's place is its colour, the same in all plots.
        zero: keep the value 0 in sight, and say where it lies.
    """
    values = [value for _, curve in curves for value in curve] + ([0.0] if zero else [])
    x = axis(across[0], across[-1])
    y = axis(min(values), max(values))
    drawn = tuple(Curve(name, names.index(name), line(across, curve, x, y)) for name, curve in curves)
    ground = round((1 - y.share(0.0)) * HEIGHT, 1) if zero else None
    return Plot(drawn, ticks_across(x), ticks_down(y), ground)
