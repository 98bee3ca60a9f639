"""An existing fake beside a framed real: a whole scene of its own, reduced to the same frame.

What it has been through, nobody knows. So pair and view must leave little of it: both sides are reduced at least twice.
"""

from manifests.errors import RejectedItem
from manifests.records import Frame, Reason
from pixels.align import LEAST_REDUCTION
from pixels.arrays import Pixels
from pixels.resize import resize


def reduce_scene(pixels: Pixels, frame: Frame) -> Pixels:
    """The central square of a fake, reduced to F.

    Args:
        pixels: the fake, upright, shape (height, width, 3), uint8.
        frame: the window of its pair.

    Returns:
        Shape (F, F, 3), uint8.

    Raises:
        RejectedItem: `too-small` where it would have to be enlarged, or reduced less than twice to the final size.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    needed = max(frame.frame, LEAST_REDUCTION * frame.size)
    if side < needed:
        raise RejectedItem(
            Reason.TOO_SMALL, f"a fake of {width}x{height} pixels; view {frame.view} needs a square of {needed}"
        )
    top, left = (height - side) // 2, (width - side) // 2
    return resize(pixels[top : top + side, left : left + side], frame.frame, frame.kernel)
