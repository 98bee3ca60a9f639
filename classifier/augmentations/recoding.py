"""Encoding again and again, as images meet it that are passed on: JPEG and WebP at qualities and grids of their own."""

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

from classifier.augmentations.step import CountRange, QualityRange, StepConfig
from manifests.records import Subsampling
from pixels.arrays import Pixels
from pixels.decode import decode

_BLOCK = 8


@dataclass(frozen=True)
class Pass:
    """One encode and decode.

    Attributes:
        quality: of the encoder, 1 to 100.
        format: what to encode as.
        subsampling: of the chroma; WebP knows only one and is not asked.
        across, down: where the image stands in the first block of the grid, pixels.
    """

    quality: int
    format: Literal["JPEG", "WEBP"] = "JPEG"
    subsampling: Subsampling = "4:2:0"
    across: int = 0
    down: int = 0

    def apply(self, pixels: Pixels) -> Pixels:
        """Encode and decode the image."""
        height, width = pixels.shape[:2]
        padded = np.pad(pixels, ((self.down, 0), (self.across, 0), (0, 0)), mode="edge")
        buffer = BytesIO()
        image = Image.fromarray(padded)
        if self.format == "JPEG":
            image.save(buffer, "JPEG", quality=self.quality, subsampling=self.subsampling)
        else:
            image.save(buffer, "WEBP", quality=self.quality)
        return decode(buffer.getvalue())[self.down :, self.across :][:height, :width]


@dataclass(frozen=True)
class Recode:
    """Some passes, one after the other."""

    passes: tuple[Pass, ...]

    def apply(self, pixels: Pixels) -> Pixels:
        """Take the image through all passes."""
        for each in self.passes:
            pixels = each.apply(pixels)
        return pixels


class RecodeConfig(StepConfig):
    """How often and how an image may be encoded again."""

    passes: CountRange = Field(default=(1, 1), description="range of the number of passes, both ends included")
    quality: QualityRange = Field(default=(60, 95), description="range of JPEG's quality, both ends included")
    subsamplings: tuple[Subsampling, ...] = Field(
        default=("4:4:4", "4:2:2", "4:2:0"), min_length=1, description="of JPEG's chroma; each pass draws one"
    )
    webp: float = Field(default=0.0, ge=0, le=1, description="share of the passes that are WebP")
    webp_quality: QualityRange = Field(default=(50, 95), description="range of WebP's quality, both ends included")
    shift_grid: bool = Field(
        default=True, description="each pass has its blocks elsewhere, as where an image was cropped in between"
    )

    def draw(self, rng: np.random.Generator) -> Recode:
        """Some passes."""
        return Recode(tuple(self._pass(rng) for _ in range(rng.integers(*self.passes, endpoint=True))))

    def _pass(self, rng: np.random.Generator) -> Pass:
        is_webp = rng.random() < self.webp
        across, down = (int(value) for value in rng.integers(_BLOCK, size=2)) if self.shift_grid else (0, 0)
        return Pass(
            quality=int(rng.integers(*(self.webp_quality if is_webp else self.quality), endpoint=True)),
            format="WEBP" if is_webp else "JPEG",
            subsampling=self.subsamplings[rng.integers(len(self.subsamplings))],
            across=across,
            down=down,
        )
