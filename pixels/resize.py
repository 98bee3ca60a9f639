"""Resizing, the same for both sides of a pair."""

from typing import Final

import numpy as np
from PIL import Image

from pixels.arrays import Pixels
from pixels.config import Kernel

_FILTERS: Final[dict[Kernel, Image.Resampling]] = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
}


def resize(pixels: Pixels, side: int, kernel: Kernel) -> Pixels:
    """Resize a square image to `side` pixels; an image of that side is returned as it is.

    The whole reduction is one pass of the kernel, scaled to the ratio (no draft decoding, no box reduction before).
    """
    if pixels.shape[:2] == (side, side):
        return pixels
    image = Image.fromarray(pixels).resize((side, side), _FILTERS[kernel], reducing_gap=None)
    return np.array(image)
