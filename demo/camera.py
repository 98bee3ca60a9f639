"""The camera of the demo's scenes: where it stands, and the ray through each point of its picture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.shapes import Array, Triple

_LOOK_AT = (0.0, 0.0, 0.42)
_DISTANCE = 5.2
# what half of the shorter image side spans, in world units, at the distance of the point looked at
_HALF_SPAN = 1.5


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: its place, its three unit axes and the tangent of half its angle of view (shorter side)."""

    position: NDArray[np.float32]
    right: NDArray[np.float32]
    up: NDArray[np.float32]
    forward: NDArray[np.float32]
    half_span: float

    def directions(self, u: Array, v: Array) -> Triple:
        """Ray directions through image points: u to the right, v down, both -1 to 1 across the shorter side."""
        x, y = u * np.float32(self.half_span), v * np.float32(-self.half_span)
        first, second, third = (self.forward[axis] + x * self.right[axis] + y * self.up[axis] for axis in range(3))
        return (first, second, third)


def scene_camera(seed: int) -> Camera:
    """The camera of the scene with this seed: always the same place, but for a little that the seed settles."""
    rng = np.random.default_rng([seed, 2])
    pitch = math.radians(rng.uniform(24, 32))
    sideways = math.radians(rng.uniform(-4, 4))
    towards = np.array(
        (math.sin(sideways) * math.cos(pitch), math.cos(sideways) * math.cos(pitch), -math.sin(pitch)), np.float64
    )
    right = np.cross(towards, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return Camera(
        position=np.asarray(np.array(_LOOK_AT) - _DISTANCE * towards, np.float32),
        right=right.astype(np.float32),
        up=np.cross(right, towards).astype(np.float32),
        forward=towards.astype(np.float32),
        half_span=_HALF_SPAN * rng.uniform(0.94, 1.06) / _DISTANCE,
    )


def image_points(width: int, height: int) -> tuple[Array, Array]:
    """Pixel centres in the camera's image coordinates: u of shape (1, width), v of shape (height, 1)."""
    half = min(width, height) / 2
    u = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(half)
    v = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) / np.float32(half)
    return u[None, :], v[:, None]
