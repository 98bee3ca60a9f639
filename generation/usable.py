"""Whether what a model gave is an image at all."""

import numpy as np
from numpy.typing import NDArray

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels, to_bytes
from pixels.predicates import blank


def usable(image: NDArray[np.float32], *, flagged: bool = False) -> Pixels:
    """A model's image as bytes.

    Args:
        image: (height, width, 3), in [0, 1] or NaN.
        flagged: whether the model's safety checker has flagged it.

    Returns:
        (height, width, 3) uint8.

    Raises:
        RejectedItem: `unsafe`, `not-a-number` or `blank`.
    """
    if flagged:
        raise RejectedItem(Reason.UNSAFE, "the model's safety checker flagged the image")
    pixels = to_bytes(image)
    if blank(pixels):
        raise RejectedItem(Reason.BLANK, "the image is blank")
    return pixels
