"""Coordinates of the drawings."""

import pytest

from pages import figures


def test_a_curve_runs_from_the_lower_left_to_the_upper_right():
    assert figures.curve([(0, 0), (0.5, 0.75), (1, 1)]) == "0.0,300.0 150.0,75.0 300.0,0.0"


def test_bars_stand_on_the_axis_and_the_largest_share_fills_the_height():
    first, second = figures.histogram([0.25, 0.5], 0.5)
    assert (first.x, first.width, second.x) == (0, 150, 150)
    assert first.y + first.height == second.y + second.height == figures.SIDE
    assert (first.height, second.height) == (150, 300)


def test_an_interval_keeps_inside_the_bar():
    bar = figures.interval(0.5, -0.1, 0.75)
    assert bar is not None
    assert (bar.low, bar.value, bar.high) == (0, 80, 120)


@pytest.mark.parametrize("ends", [(None, 0.1, 0.2), (0.5, None, 0.6), (0.5, 0.4, None)])
def test_without_an_interval_there_is_no_bar(ends: tuple[float | None, float | None, float | None]):
    assert figures.interval(*ends) is None
