from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demo.scenes import SHAPES
from demo.shapes import Triple, intersect, normal

HEIGHTS = {"sphere": 2.0, "cube": 1.64, "cylinder": 1.85, "cone": 2.15}

Vector = NDArray[np.float64]

angles = st.floats(0.0, 2 * np.pi)
shapes = st.sampled_from(SHAPES)


def triple(vector: Iterable[float]) -> Triple:
    x, y, z = (np.array([value], np.float32) for value in vector)
    return x, y, z


def aimed(shape: str, azimuth: float, climb: float, aim: float) -> tuple[Vector, Vector]:
    """A ray from 8 away, towards a point on the axis inside the shape."""
    origin = 8 * np.array((np.cos(azimuth) * np.cos(climb), np.sin(azimuth) * np.cos(climb), np.sin(climb)))
    target = np.array((0.0, 0.0, aim * HEIGHTS[shape]))
    direction = (target - origin) / np.linalg.norm(target - origin)
    return origin, direction


@given(shapes, angles, st.floats(0.05, 1.5), st.floats(0.1, 0.9))
def test_rays_at_the_axis_hit_a_face_that_looks_back(shape: str, azimuth: float, climb: float, aim: float):
    origin, direction = aimed(shape, azimuth, climb, aim)
    distance = float(intersect(shape, triple(origin), triple(direction))[0])
    assert 5 < distance < 8.5
    facing = np.array([float(part[0]) for part in normal(shape, triple(origin + distance * direction))])
    assert np.linalg.norm(facing) == pytest.approx(1.0, abs=5e-3)
    assert facing @ direction < 0.02


@given(shapes, angles, st.floats(0.05, 1.5), st.floats(0.1, 0.9))
def test_rays_the_other_way_hit_nothing(shape: str, azimuth: float, climb: float, aim: float):
    origin, direction = aimed(shape, azimuth, climb, aim)
    assert np.isinf(intersect(shape, triple(origin), triple(-direction))[0])


@given(shapes, angles, st.floats(2.3, 5.0))
def test_rays_that_pass_beside_hit_nothing(shape: str, azimuth: float, beside: float):
    sideways = np.array((-np.sin(azimuth), np.cos(azimuth), 0.0))
    origin = 8 * np.array((np.cos(azimuth), np.sin(azimuth), 0.1)) + beside * sideways
    direction = np.array((-np.cos(azimuth), -np.sin(azimuth), 0.0))
    assert np.isinf(intersect(shape, triple(origin), triple(direction))[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ray_straight_down_meets_the_top(shape: str):
    origin, down = triple((0.01, 0.0, 10.0)), triple((0.0, 0.0, -1.0))
    assert intersect(shape, origin, down)[0] == pytest.approx(10 - HEIGHTS[shape], abs=0.03)
