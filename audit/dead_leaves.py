"""Dead leaves: pictures with the statistics of photographs and no history at all, of any size.

Opaque shapes of all sizes fall on one another until nothing of the ground is seen. With radii that follow an inverse cube
the picture has the edges, the occlusions and the falling spectrum of natural images (Lee, Mumford and Huang, "Occlusion
models for natural images", International Journal of Computer Vision, 2001).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pixels.arrays import Pixels

_LEAVES = 1500
_SMALLEST, _LARGEST = 1 / 60, 1 / 2
_GRAIN = 6.0


@dataclass(frozen=True)
class DeadLeaves:
    """One picture, drawn when it is asked for: the same for the same number and side.

    Attributes:
        number: 0 or more; each has a picture of its own.
        side: pixels.
    """

    number: int
    side: int

    @property
    def name(self) -> str:
        """A name of its own."""
        return f"dead-leaves-{self.number}"

    @property
    def pixels(self) -> Pixels:
        """Shape (side, side, 3)."""
        return _draw(self.number, self.side)


def _draw(number: int, side: int) -> Pixels:
    rng = np.random.default_rng([number, side])
    canvas = Image.new("RGB", (side, side), tuple(int(level) for level in rng.integers(0, 256, 3)))
    draw = ImageDraw.Draw(canvas)
    # the density of radii falls as the inverse cube between the two ends: large leaves are rare
    quantiles = rng.random(_LEAVES)
    radii = side / np.sqrt(_SMALLEST**-2 + quantiles * (_LARGEST**-2 - _SMALLEST**-2))
    for radius in radii:
        x, y = rng.uniform(-0.1, 1.1, 2) * side
        colour = tuple(int(level) for level in np.clip(rng.normal(rng.uniform(30, 225), 30, 3), 0, 255))
        if rng.random() < 0.6:
            draw.ellipse((x - radius, y - radius * rng.uniform(0.4, 1), x + radius, y + radius), fill=colour)
        else:
            corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 6)))
            draw.polygon([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in corners], fill=colour)
    return _shaded(np.asarray(canvas), rng)


def _shaded(leaves: Pixels, rng: np.random.Generator) -> Pixels:
    """Light that falls off across the picture, and grain that survives a reduction by four."""
    side = len(leaves)
    down, across = rng.uniform(-0.35, 0.35, 2)
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    light = 1 + np.float32(down) * steps[:, None] + np.float32(across) * steps[None, :]
    grain = rng.normal(0, _GRAIN * rng.random(), (side // 4 + 1, side // 4 + 1)).astype(np.float32)
    grain = np.repeat(np.repeat(grain, 4, axis=0), 4, axis=1)[:side, :side]
    shaded: Pixels = np.clip(np.rint(leaves * light[..., None] + grain[..., None]), 0, 255).astype(np.uint8)
    return shaded
