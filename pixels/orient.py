"""From the orientation that an image is stored in to the one that it is shown in, and back.

Each orientation is a mirroring (left to right) followed by quarter turns counter-clockwise. The numbers are those of
EXIF 2.32, tag 0x0112.
"""

import numpy as np

from manifests.records import ImageFacts
from pixels.arrays import Pixels

_EXIF_TURNS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}


def to_upright(pixels: Pixels, facts: ImageFacts) -> Pixels:
    """Turn pixels from the real image's stored orientation to the one it is shown in: (H, W, 3) or (W, H, 3)."""
    mirrored, turns = _turns(facts)
    flipped = pixels[:, ::-1] if mirrored else pixels
    return np.ascontiguousarray(np.rot90(flipped, turns))


def to_stored(pixels: Pixels, facts: ImageFacts) -> Pixels:
    """The reverse of `to_upright`."""
    mirrored, turns = _turns(facts)
    turned = np.rot90(pixels, -turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def _turns(facts: ImageFacts) -> tuple[bool, int]:
    if facts.rotation:
        return False, facts.rotation // 90
    return _EXIF_TURNS[facts.orientation]
