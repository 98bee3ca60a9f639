"""What images go through on their way over the web, one kind and strength at a time, and several in a row."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from manifests.seeds import seed

Pixels = NDArray[np.uint8]
Step = Callable[[Pixels, np.random.Generator], Pixels]

# the ends of what a chain draws from
_QUALITIES = (60, 95)
_FACTORS = (0.6, 1.0)
_SIGMAS = (0.2, 1.0)
_LEVELS = (1.0, 4.0)
_SHARES = (0.85, 1.0)


@dataclass(frozen=True)
class Perturbation:
    """One kind of processing at one strength.

    Attributes:
        name: what it is called.
        family: what it is drawn with.
        level: its place on the family's axis; None where there is none.
        step: (H, W, 3) uint8 RGB in and out; the size may change.
    """

    name: str
    family: str
    level: float | None
    step: Step

    def apply(self, pixels: Pixels, group: str) -> Pixels:
        """Process one image; all images of a group go through the same draws."""
        return self.step(pixels, np.random.default_rng(seed("perturbation", self.name, group)))


def jpeg(quality: int, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """One JPEG pass with chroma at half resolution, as most of the web saves."""
    return _coded(pixels, "JPEG", quality=quality, subsampling="4:2:0")


def webp(quality: int, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """One lossy WebP pass."""
    return _coded(pixels, "WEBP", quality=quality, method=4)


def resize(factor: float, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Both sides times a factor, bicubic, with antialiasing where it reduces."""
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def blur(sigma: float, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """A Gaussian blur; sigma in pixels."""
    blurred = gaussian_filter(pixels.astype(np.float32), sigma=(sigma, sigma, 0), mode="reflect")
    rounded: Pixels = np.rint(blurred).astype(np.uint8)
    return rounded


def noise(sigma: float, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Gaussian noise on every value; sigma in levels of 255."""
    return np.clip(np.rint(pixels + rng.normal(0, sigma, pixels.shape)), 0, 255).astype(np.uint8)


def crop(share: float, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A random window of a share of both sides: what is left no longer stands on the grid of an earlier JPEG."""
    height, width = (max(1, round(side * share)) for side in pixels.shape[:2])
    across, down = rng.random(2)
    left, top = int(across * (pixels.shape[1] - width + 1)), int(down * (pixels.shape[0] - height + 1))
    return pixels[top : top + height, left : left + width]


def chain(steps: int, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Several kinds in a random order and at random strengths; a JPEG pass comes last, as when a file is shared."""
    kinds: list[Step] = [
        partial(webp, int(rng.integers(*_QUALITIES, endpoint=True))),
        partial(resize, rng.uniform(*_FACTORS)),
        partial(blur, rng.uniform(*_SIGMAS)),
        partial(noise, rng.uniform(*_LEVELS)),
        partial(crop, rng.uniform(*_SHARES)),
    ]
    for place in rng.permutation(len(kinds))[: steps - 1]:
        pixels = kinds[place](pixels, rng)
    return jpeg(int(rng.integers(*_QUALITIES, endpoint=True)), pixels, rng)


def _coded(pixels: Pixels, file_format: str, **options: object) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))


GRID: tuple[Perturbation, ...] = (
    *(Perturbation(f"JPEG {q}", "JPEG quality", q, partial(jpeg, q)) for q in (95, 90, 85, 75, 60, 50, 40, 30)),
    *(Perturbation(f"WebP {q}", "WebP quality", q, partial(webp, q)) for q in (90, 75, 50)),
    *(Perturbation(f"resize {f:g}", "resize factor", f, partial(resize, f)) for f in (0.25, 0.5, 0.75, 1.25, 1.5)),
    *(Perturbation(f"blur {s:g}", "blur, sigma in pixels", s, partial(blur, s)) for s in (0.5, 1.0, 2.0)),
    *(Perturbation(f"noise {s:g}", "noise, sigma in levels", s, partial(noise, s)) for s in (2.0, 5.0, 10.0)),
    *(Perturbation(f"crop {s:g}", "crop, share of the sides", s, partial(crop, s)) for s in (0.9, 0.75, 0.5)),
    *(Perturbation(f"chain of {n}", "chains", None, partial(chain, n)) for n in (3, 5)),
)
"""All that a detector is tried on."""
