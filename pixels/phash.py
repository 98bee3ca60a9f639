"""A perceptual hash: near-duplicates differ in few of its bits."""

import numpy as np
from PIL import Image

from pixels.arrays import Pixels
from pixels.dct import dct_matrix

_SIDE = 32
_KEPT = 8


def phash(pixels: Pixels) -> int:
    """The 64-bit DCT hash of an upright image.

    Grey, reduced to 32x32, DCT-II; the 8x8 lowest frequencies, each compared with their median. The algorithm is that
    of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.

    Args:
        pixels: shape (height, width, 3), upright.

    Returns:
        A number in [0, 2**64); the first bit (most significant) belongs to the mean brightness.
    """
    grey = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dct_matrix(_SIDE)[:_KEPT]
    spectrum = low @ np.asarray(grey, dtype=np.float32) @ low.T
    bits = np.packbits(spectrum.ravel() > np.median(spectrum))
    return int.from_bytes(bits.tobytes(), "big")
