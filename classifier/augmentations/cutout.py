"""Cutout: a rectangle of the image is painted over (DeVries & Taylor, arXiv 1708.04552)."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from classifier.augmentations.step import PositiveRange, ShareRange, StepConfig, logarithmic
from pixels.arrays import Pixels

_GREY = 128


@dataclass(frozen=True)
class Cutout:
    """A rectangle, in shares of the side.

    Attributes:
        across, down: where it stands, from 0 (left, top) to below 1, of the places there are.
        width, height: its sides.
    """

    across: float
    down: float
    width: float
    height: float

    def apply(self, pixels: Pixels) -> Pixels:
        """Paint the rectangle grey."""
        side = pixels.shape[0]
        width, height = (max(min(round(side * share), side), 1) for share in (self.width, self.height))
        left, top = int(self.across * (side - width + 1)), int(self.down * (side - height + 1))
        painted = pixels.copy()
        painted[top : top + height, left : left + width] = _GREY
        return painted


class CutoutConfig(StepConfig):
    """How large the rectangle may be."""

    area: ShareRange = Field(default=(0.02, 0.2), description="range of its area, as a share of the image's")
    ratio: PositiveRange = Field(default=(0.5, 2.0), description="range of its width over its height")

    def draw(self, rng: np.random.Generator) -> Cutout:
        """One rectangle."""
        across, down = (float(value) for value in rng.random(2))
        area, ratio = float(rng.uniform(*self.area)), logarithmic(rng, self.ratio)
        return Cutout(across, down, min((area * ratio) ** 0.5, 1.0), min((area / ratio) ** 0.5, 1.0))
