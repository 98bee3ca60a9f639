"""What images lose on their way: sharpness, size and purity."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageFilter
from pydantic import Field

from classifier.augmentations.step import PositiveRange, StepConfig, logarithmic
from pixels.arrays import Pixels

KernelName = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
KERNELS: Final[dict[KernelName, Image.Resampling]] = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur.

    Attributes:
        sigma: standard deviation, pixels.
    """

    sigma: float

    def apply(self, pixels: Pixels) -> Pixels:
        """Blur the image."""
        return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(self.sigma)))


class BlurConfig(StepConfig):
    """How strong the blur may be."""

    sigma: PositiveRange = Field(default=(0.1, 2.0), description="range of the standard deviation, pixels")

    def draw(self, rng: np.random.Generator) -> Blur:
        """One blur."""
        return Blur(float(rng.uniform(*self.sigma)))


@dataclass(frozen=True)
class Resample:
    """A resize and back again.

    Attributes:
        scale: side in between, as a share of the image's own; above 1 the image is larger in between.
        there, back: the kernels of the two ways.
    """

    scale: float
    there: KernelName
    back: KernelName

    def apply(self, pixels: Pixels) -> Pixels:
        """Resample the image."""
        side = pixels.shape[0]
        between = max(round(side * self.scale), _SMALLEST_SIDE)
        image = Image.fromarray(pixels).resize((between, between), KERNELS[self.there])
        return np.asarray(image.resize((side, side), KERNELS[self.back]))


class ResampleConfig(StepConfig):
    """How far an image may be resized before it comes back to its size."""

    scale: PositiveRange = Field(
        default=(0.5, 1.5), description="range of the size in between, as a factor of the side"
    )
    kernels: tuple[KernelName, ...] = Field(
        default=("bilinear", "bicubic", "lanczos"), min_length=1, description="each way draws one of them"
    )

    def draw(self, rng: np.random.Generator) -> Resample:
        """One resampling."""
        there, back = rng.integers(len(self.kernels), size=2)
        return Resample(logarithmic(rng, self.scale), self.kernels[there], self.kernels[back])


@dataclass(frozen=True)
class Noise:
    """White Gaussian noise: the same noise on every member.

    Attributes:
        sigma: standard deviation, levels of 255.
        seed: of the noise.
    """

    sigma: float
    seed: int

    def apply(self, pixels: Pixels) -> Pixels:
        """Add the noise."""
        noise = np.random.default_rng(self.seed).standard_normal(pixels.shape, np.float32)
        noisy: Pixels = np.rint(pixels + self.sigma * noise).clip(0, 255).astype(np.uint8)
        return noisy


class NoiseConfig(StepConfig):
    """How strong the noise may be."""

    sigma: PositiveRange = Field(default=(1.0, 8.0), description="range of the standard deviation, levels of 255")

    def draw(self, rng: np.random.Generator) -> Noise:
        """One noise."""
        return Noise(float(rng.uniform(*self.sigma)), int(rng.integers(2**63)))
