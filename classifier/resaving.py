"""What becomes of a verdict when its image is saved again: JPEG, WebP, other sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibration import calibrated
from classifier.detector import Detector
from classifier.perturbations import GRID, Perturbation
from classifier.prediction import Verdict
from classifier.robustness import at_least

RESAVINGS: tuple[Perturbation, ...] = tuple(
    kind for kind in GRID if kind.family in ("JPEG quality", "WebP quality", "resize factor")
)
"""What is tried."""

_GRID = 16
"""Pixels of a JPEG's coding units with chroma at half resolution."""
_REACH = 4
"""The smallest of the tried sizes is a quarter, so a window then covers four times its side."""


@dataclass(frozen=True)
class Resaved:
    """What is said of an image after one way of saving it again.

    Attributes:
        name: of the way.
        family: ways that differ in strength only.
        level: quality, or factor of the sides.
        probability: of fake, calibrated.
    """

    name: str
    family: str
    level: float
    probability: float
    verdict: Verdict


def resaved(
    detector: Detector, pixels: NDArray[np.uint8], grid: Sequence[Perturbation] = RESAVINGS
) -> tuple[Resaved, ...]:
    """Ask a detector about an image again, saved in several ways.

    Of an image larger than what the detector can see of it in any of them only the middle is processed. What gets too
    small for the detector is mirrored at its edges.

    Args:
        detector: who judges.
        pixels: (H, W, 3) uint8 RGB.
        grid: the ways; each has a level.
    """
    size = detector.config.image_size
    seen = _middle(pixels, _REACH * size) if detector.config.fit == "crop" else pixels
    smallest = size if detector.config.fit == "crop" else 1  # resizing enlarges, too
    windows = [
        detector.config.preprocessing.window(at_least(kind.apply(seen, "resaving"), smallest)).copy() for kind in grid
    ]
    logits = detector.window_logits(windows)
    scores, probabilities = calibrated(logits, 1.0), calibrated(logits, detector.config.temperature)
    return tuple(
        Resaved(
            name=kind.name,
            family=kind.family,
            level=kind.level or 0.0,
            probability=float(probability),
            verdict="fake" if score > detector.config.threshold else "real",
        )
        for kind, score, probability in zip(grid, scores, probabilities, strict=True)
    )


def _middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle of an image, as the grid of a JPEG of all of it would lie there."""
    top, left = (max(0, (length - side) // 2) // _GRID * _GRID for length in pixels.shape[:2])
    height, width = pixels.shape[:2]
    return pixels[top : height - top, left : width - left]
