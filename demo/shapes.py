"""Where a ray meets a sphere, cube, cylinder or cone, and which way the surface faces there.

Every shape is given in its own unit coordinates: it stands on the plane z = 0, round the z axis, about 2 wide. Points
and directions are triples of float32 arrays that broadcast against each other; distances are in multiples of the
direction's length. The formulas are the usual quadratic and slab tests of ray tracing (Glassner, "An Introduction to
Ray Tracing", 1989, chapter 2).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Triple = tuple[Array, Array, Array]

_CUBE_HALF = 0.82
_CYLINDER_RADIUS = 0.82
_CYLINDER_HEIGHT = 1.85
_CONE_RADIUS = 1.0
_CONE_HEIGHT = 2.15
_CONE_SLOPE = (_CONE_RADIUS / _CONE_HEIGHT) ** 2
# nearer hits are the surface that the ray starts from
_NEAREST = 1e-3


def intersect(shape: str, origin: Triple, direction: Triple) -> Array:
    """Distance along each ray to the first hit in front of it; infinity where there is none."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _INTERSECTIONS[shape](origin, direction)


def normal(shape: str, point: Triple) -> Triple:
    """Outward unit normal at points on the surface."""
    return _NORMALS[shape](point)


def _where(valid: NDArray[np.bool_], distance: Array) -> Array:
    """The distances of valid hits in front of the ray's start, else infinity."""
    return np.where(valid & (distance > _NEAREST), distance, np.float32(np.inf))


def _roots(a: Array, b: Array, c: Array) -> tuple[NDArray[np.bool_], Array, Array]:
    """Where a x² + 2 b x + c = 0 has solutions, and both of them; anything where it has none."""
    discriminant = b * b - a * c
    root = np.sqrt(discriminant)
    return np.greater(discriminant, 0), np.divide(-b - root, a), np.divide(-b + root, a)


def _sphere(origin: Triple, direction: Triple) -> Array:
    (ox, oy, oz), (dx, dy, dz) = origin, direction
    oz = oz - np.float32(1)
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - np.float32(1)
    exists, near, _ = _roots(a, b, c)
    return _where(exists, near)


def _cube(origin: Triple, direction: Triple) -> Array:
    low, high = (-_CUBE_HALF, -_CUBE_HALF, 0.0), (_CUBE_HALF, _CUBE_HALF, 2 * _CUBE_HALF)
    entry: Array = np.full_like(direction[0], -np.inf)
    leaving: Array = np.full_like(direction[0], np.inf)
    for o, d, bottom, top in zip(origin, direction, low, high, strict=True):
        first, second = (np.float32(bottom) - o) / d, (np.float32(top) - o) / d
        entry = np.maximum(entry, np.minimum(first, second))
        leaving = np.minimum(leaving, np.maximum(first, second))
    return _where(entry < leaving, entry)


def _cylinder(origin: Triple, direction: Triple) -> Array:
    (ox, oy, oz), (dx, dy, dz) = origin, direction
    a = dx * dx + dy * dy
    b = ox * dx + oy * dy
    c = ox * ox + oy * oy - np.float32(_CYLINDER_RADIUS * _CYLINDER_RADIUS)
    exists, near, _ = _roots(a, b, c)
    height = oz + near * dz
    wall = _where(exists & (height > 0) & (height < _CYLINDER_HEIGHT), near)
    above = (np.float32(_CYLINDER_HEIGHT) - oz) / dz
    x, y = ox + above * dx, oy + above * dy
    lid = _where(np.less(x * x + y * y, _CYLINDER_RADIUS * _CYLINDER_RADIUS), above)
    return np.minimum(wall, lid)


def _cone(origin: Triple, direction: Triple) -> Array:
    (ox, oy, oz), (dx, dy, dz) = origin, direction
    slope, below_tip = np.float32(_CONE_SLOPE), np.float32(_CONE_HEIGHT) - oz
    a = dx * dx + dy * dy - slope * dz * dz
    b = ox * dx + oy * dy + slope * below_tip * dz
    c = ox * ox + oy * oy - slope * below_tip * below_tip
    exists, first, second = _roots(a, b, c)

    def on_cone(distance: Array) -> Array:
        height = oz + distance * dz
        return _where(exists & (height > 0) & (height < _CONE_HEIGHT), distance)

    return np.minimum(on_cone(first), on_cone(second))


def _sphere_normal(point: Triple) -> Triple:
    x, y, z = point
    return (x, y, z - np.float32(1))


def _cube_normal(point: Triple) -> Triple:
    x, y, z = (value / np.float32(_CUBE_HALF) for value in point)
    z = z - np.float32(1)
    largest = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(z))
    on_x, on_y = np.abs(x) == largest, np.abs(y) == largest
    return (
        np.where(on_x, np.sign(x), np.float32(0)),
        np.where(on_y & ~on_x, np.sign(y), np.float32(0)),
        np.where(on_x | on_y, np.float32(0), np.sign(z)),
    )


def _cylinder_normal(point: Triple) -> Triple:
    x, y, z = point
    lid = z > _CYLINDER_HEIGHT - 2e-3
    radius = np.float32(_CYLINDER_RADIUS)
    zero, one = np.float32(0), np.float32(1)
    return (np.where(lid, zero, x / radius), np.where(lid, zero, y / radius), np.where(lid, one, zero))


def _cone_normal(point: Triple) -> Triple:
    x, y, _ = point
    length = np.sqrt(x * x + y * y) + np.float32(1e-6)
    across = np.float32(_CONE_HEIGHT / np.hypot(_CONE_HEIGHT, _CONE_RADIUS))
    up = np.float32(_CONE_RADIUS / np.hypot(_CONE_HEIGHT, _CONE_RADIUS))
    return (x / length * across, y / length * across, np.full_like(x, up))


_INTERSECTIONS: dict[str, Callable[[Triple, Triple], Array]] = {
    "sphere": _sphere,
    "cube": _cube,
    "cylinder": _cylinder,
    "cone": _cone,
}
_NORMALS: dict[str, Callable[[Triple], Triple]] = {
    "sphere": _sphere_normal,
    "cube": _cube_normal,
    "cylinder": _cylinder_normal,
    "cone": _cone_normal,
}
