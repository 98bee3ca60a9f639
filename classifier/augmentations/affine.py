"""Rotation, shift, scale and shear: one resampling for all four."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from classifier.augmentations.step import PositiveRange, StepConfig, logarithmic
from pixels.arrays import Pixels


@dataclass(frozen=True)
class Affine:
    """An affine map about an image's centre.

    Attributes:
        rotation: degrees, anticlockwise.
        across, down: shift as a share of the side.
        scale: above 1 enlarges.
        shear: degrees, along the rows.
    """

    rotation: float = 0.0
    across: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    shear: float = 0.0

    def apply(self, pixels: Pixels) -> Pixels:
        """Map the image; what comes in from outside is the image mirrored at its border, never a black corner."""
        side = pixels.shape[0]
        inverse = np.linalg.inv(self._matrix())
        corners = np.array([[x, y] for x in (0.0, side) for y in (0.0, side)])
        centre = side / 2
        shift = np.array([self.across, self.down]) * side
        reached = (corners - centre - shift) @ inverse.T + centre
        # one pixel more than is reached, because bilinear interpolation asks the neighbour too
        margin = int(np.ceil(max(-reached.min(), reached.max() - side, 0))) + 1
        offset = centre + margin - inverse @ (shift + centre)
        coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
        padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
        image = Image.fromarray(padded)
        return np.asarray(
            image.transform((side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
        )

    def _matrix(self) -> NDArray[np.float64]:
        """From places in the source to places in the result, both seen from the centre; rows point down."""
        angle = np.deg2rad(self.rotation)
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        shear = np.array([[1.0, np.tan(np.deg2rad(self.shear))], [0.0, 1.0]])
        matrix: NDArray[np.float64] = self.scale * rotation @ shear
        return matrix


class AffineConfig(StepConfig):
    """Ranges of the map; by default it is a rotation alone."""

    rotation: float = Field(default=15.0, ge=0, le=180, description="degrees at most, either way")
    translate: float = Field(default=0.0, ge=0, lt=1, description="shift at most, either way, as a share of the side")
    scale: PositiveRange = Field(default=(1.0, 1.0), description="range of the scale; above 1 enlarges")
    shear: float = Field(default=0.0, ge=0, le=45, description="degrees at most, either way")

    def draw(self, rng: np.random.Generator) -> Affine:
        """One map."""
        rotation, across, down, shear = rng.uniform(-1, 1, 4)
        return Affine(
            rotation=float(rotation * self.rotation),
            across=float(across * self.translate),
            down=float(down * self.translate),
            scale=logarithmic(rng, self.scale),
            shear=float(shear * self.shear),
        )
