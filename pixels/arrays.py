"""Pixels as arrays, and the one way that floats become bytes."""

import numpy as np
from numpy.typing import NDArray

from manifests.errors import RejectedItem
from manifests.records import Reason

Pixels = NDArray[np.uint8]
"""An RGB image: shape (height, width, 3), dtype uint8, values 0 to 255."""


def to_bytes(values: NDArray[np.floating]) -> Pixels:
    """Turn a float image into bytes by rounding to the nearest level.

    Truncation, the common shortcut, would darken every fake by half a grey level.

    Args:
        values: any shape, floats; 0 is black and 1 is white. Values outside are clipped.

    Returns:
        The same shape, uint8.

    Raises:
        RejectedItem: `not-a-number` where a value is NaN or infinite.
    """
    levels = np.asarray(values, dtype=np.float32) * 255
    if not np.isfinite(levels).all():
        raise RejectedItem(Reason.NOT_A_NUMBER, "the image holds values that are not finite")
    rounded: Pixels = np.rint(levels.clip(0, 255)).astype(np.uint8)
    return rounded
