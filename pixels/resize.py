"""Resizing, the same for both sides of a pair."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
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


def resize_differences(differences: NDArray[np.int16], side: int, kernel: Kernel) -> NDArray[np.float32]:
    """Resize what two square images differ in, as `resize` would each of them but without rounding.

    Args:
        differences: shape (m, m, 3), int16, levels of 255.
        side: F, pixels.
        kernel: as for the images themselves.

    Returns:
        Shape (F, F, 3), float32, levels of 255.
    """
    reduced = np.empty((side, side, 3), dtype=np.float32)
    for channel in range(3):
        plane = Image.fromarray(differences[..., channel].astype(np.float32))
        reduced[..., channel] = np.asarray(plane.resize((side, side), _FILTERS[kernel], reducing_gap=None))
    return reduced
