"""Brightness, contrast, saturation and hue."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance
from pydantic import Field

from classifier.augmentations.step import StepConfig
from pixels.arrays import Pixels


@dataclass(frozen=True)
class Colour:
    """Changes of colour, done in the order of the attributes.

    Attributes:
        brightness, contrast, saturation: factors; 1 changes nothing.
        hue: turn of the colour circle, in [-0.5, 0.5]; 0 changes nothing.
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0

    def apply(self, pixels: Pixels) -> Pixels:
        """Change the colours."""
        image = Image.fromarray(pixels)
        for enhance, factor in (
            (ImageEnhance.Brightness, self.brightness),
            (ImageEnhance.Contrast, self.contrast),
            (ImageEnhance.Color, self.saturation),
        ):
            if factor != 1:
                image = enhance(image).enhance(factor)
        # the way to HSV and back loses levels, so it is gone only where there is something to turn
        return _turned(image, round(self.hue * 256)) if self.hue else np.asarray(image)


class ColourConfig(StepConfig):
    """How far the colours may change."""

    brightness: float = Field(default=0.2, ge=0, lt=1, description="factor from 1 - this to 1 + this")
    contrast: float = Field(default=0.2, ge=0, lt=1, description="likewise")
    saturation: float = Field(default=0.2, ge=0, le=1, description="likewise")
    hue: float = Field(default=0.05, ge=0, le=0.5, description="turn of the colour circle at most, either way")

    def draw(self, rng: np.random.Generator) -> Colour:
        """One change of colours."""
        brightness, contrast, saturation, hue = (float(value) for value in rng.uniform(-1, 1, 4))
        return Colour(
            brightness=1 + brightness * self.brightness,
            contrast=1 + contrast * self.contrast,
            saturation=1 + saturation * self.saturation,
            hue=hue * self.hue,
        )


def _turned(image: Image.Image, levels: int) -> Pixels:
    """The colour circle turned; it has 256 levels."""
    hsv = np.array(image.convert("HSV"))
    hsv[..., 0] += np.uint8(levels % 256)
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
