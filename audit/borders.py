"""Constant borders: a ring or a letterbox that is no part of the scene."""

import numpy as np
from numpy.typing import NDArray

# borders are looked for in the outer lines up to this share of a side
_DEEPEST = 0.25
# grey levels: lines of less deviation are uniform themselves, and prove no border beside them
_STRUCTURED = 6.0
# a border ends where the deviation along a line is suddenly this many times what it was, and this much more
_TIMES, _MORE = 2.0, 2.0
# lines over which an enlargement may have spread that end
_SPREAD = 3


def has_constant_border(pixels: NDArray[np.uint8]) -> bool:
    """Whether two opposite sides, or all four, have lines that are constant up to a sudden end.

    A sky or another plain background does not count: structure sets in little by little.

    Args:
        pixels: shape (height, width, 3), uint8, at least 32 pixels a side.
    """
    luma = pixels.mean(axis=2, dtype=np.float32)
    top, bottom = _is_bordered(luma), _is_bordered(luma[::-1])
    left, right = _is_bordered(luma.T), _is_bordered(luma.T[::-1])
    return (top and bottom) or (left and right)


def _is_bordered(lines: NDArray[np.float32]) -> bool:
    deviations = lines[: int(len(lines) * _DEEPEST)].std(axis=1)
    # the largest deviation so far, before each line
    before = np.maximum.accumulate(deviations)[:-1]
    ends = np.flatnonzero(deviations[1:] > _TIMES * before + _MORE)
    if not len(ends):
        return False
    first = int(ends[0]) + 1
    inside = float(deviations[first : first + _SPREAD].max())
    # what lies outside is plain beside what lies inside; a JPEG blurs a border a little
    return inside > _STRUCTURED and float(before[first - 1]) < inside / _TIMES
