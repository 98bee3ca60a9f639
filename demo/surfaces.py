"""Colours and textures of objects and floors, in linear light (the square of the displayed value / 255)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from demo.shapes import Array


def _linear(red: int, green: int, blue: int) -> NDArray[np.float32]:
    return np.square(np.array((red, green, blue), np.float32) / 255)


OBJECT_ALBEDO = {
    "red": _linear(215, 25, 25),
    "orange": _linear(250, 130, 10),
    "yellow": _linear(250, 225, 40),
    "green": _linear(25, 150, 45),
    "cyan": _linear(40, 205, 215),
    "blue": _linear(35, 60, 210),
    "purple": _linear(140, 40, 170),
    "white": _linear(250, 250, 250),
}

_PLANK = np.float32(0.5)
_TILE = np.float32(0.75)


class Texture:
    """The random but fixed patterns of one scene: a turn of the floor, waves that mottle surfaces, a gloss."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 4])
        turn = rng.uniform(-0.3, 0.3)
        self._cosine, self._sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        self._offset = rng.uniform(0, 8, 2).astype(np.float32)
        self._waves = [
            (np.float32(scale * np.cos(angle)), np.float32(scale * np.sin(angle)), np.float32(phase))
            for scale, angle, phase in zip(
                (2.3, 5.1, 11.0, 23.0), rng.uniform(0, np.pi, 4), rng.uniform(0, 2 * np.pi, 4), strict=True
            )
        ]
        self.gloss = np.float32(rng.uniform(0.05, 0.5))

    def on_floor(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Floor points in the floor's own turned and shifted coordinates."""
        return (
            self._cosine * x + self._sine * y + self._offset[0],
            self._cosine * y - self._sine * x + self._offset[1],
        )

    def mottle(self, x: Array, y: Array, strength: float) -> Array:
        """Factors round 1, varying smoothly over the surface, seldom further from 1 than twice ``strength``."""
        pattern = np.zeros(np.broadcast(x, y).shape, np.float32)
        for across, along, phase in self._waves:
            pattern += np.sin(across * x + along * y + phase + pattern)
        return 1 + np.float32(strength) * pattern


def floor_albedo(floor: str, texture: Texture, x: Array, y: Array) -> NDArray[np.float32]:
    """Colour of floor points, shape (height, width, 3)."""
    along, across = texture.on_floor(x, y)
    return _FLOORS[floor](texture, along, across)


def _grey(texture: Texture, x: Array, y: Array) -> NDArray[np.float32]:
    return texture.mottle(x, y, 0.05)[..., None] * _linear(120, 120, 124)


def _green(texture: Texture, x: Array, y: Array) -> NDArray[np.float32]:
    return texture.mottle(2 * x, 2 * y, 0.13)[..., None] * _linear(88, 132, 62)


def _wooden(texture: Texture, x: Array, y: Array) -> NDArray[np.float32]:
    place = x / _PLANK
    plank = np.floor(place)
    tone = 1 + np.float32(0.22) * np.sin(plank * np.float32(12.9898) + np.float32(1.7))
    grain = 1 + np.float32(0.08) * np.sin(np.float32(38) * x + np.float32(2) * np.sin(np.float32(1.5) * y + plank))
    gap = np.where(place - plank < np.float32(0.06), np.float32(0.45), np.float32(1))
    shade: Array = texture.mottle(x, y, 0.01) * tone * grain * gap
    return shade[..., None] * _linear(142, 92, 52)


def _checkered(texture: Texture, x: Array, y: Array) -> NDArray[np.float32]:
    odd = (np.floor(x / _TILE) + np.floor(y / _TILE)) % 2
    tile = np.where(odd > 0, np.float32(0.62), np.float32(0.045))
    return (texture.mottle(x, y, 0.02) * tile)[..., None] * _linear(255, 255, 255)


_FLOORS: dict[str, Callable[[Texture, Array, Array], NDArray[np.float32]]] = {
    "grey": _grey,
    "wooden": _wooden,
    "green": _green,
    "checkered": _checkered,
}
