"""Masks of inpainting: what part of an image is generated anew.

A mask is a shape with few parameters, in whole pixels, so that its record is short and its raster is the same everywhere:
a pixel belongs to the mask where its centre lies in the shape, decided in integers alone.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from manifests.records import Fake, Mask, MaskShape
from manifests.seeds import fraction, seed
from pixels.arrays import Pixels

Raster = NDArray[np.bool_]
"""(height, width): where the image is generated anew."""

_LEAST_SHARE, _LARGEST_SHARE = 0.02, 0.75
_LONGEST = 2.0
"""Width to height of a rectangle or an ellipse at most, and the other way round."""

_VERTICES = (3, 6)
_SAMPLES = 128
"""Pixels a side of which the width of a stroke is judged."""


class MaskRules(BaseModel):
    """Which masks are drawn: all depends on the pair's seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shapes: tuple[MaskShape, ...] = Field(
        default=("rectangle", "ellipse", "stroke"), min_length=1, description="shapes of which each pair is given one"
    )
    area: tuple[float, float] = Field(
        default=(0.1, 0.5), description="smallest and largest share of the window that is generated anew"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.area
        if not _LEAST_SHARE <= low <= high <= _LARGEST_SHARE:
            raise ValueError(
                f"area {low} to {high}: expected {_LEAST_SHARE} <= smallest <= largest <= {_LARGEST_SHARE}"
            )
        return self


def draw_mask(rules: MaskRules, width: int, height: int, margin: int, number: int) -> Mask:
    """Draw the mask of one pair.

    Args:
        rules: which masks are drawn.
        width: of the image, with its margin, pixels.
        height: the same.
        margin: pixels on each side that are cut off later: the mask is drawn for what lies between.
        number: the pair's seed.

    Returns:
        The mask, in coordinates of the image with its margin.
    """
    low, high = rules.area
    share = low + (high - low) * fraction(number, "mask-area")
    shape = rules.shapes[seed(number, "mask-shape") % len(rules.shapes)]
    window = (width - 2 * margin, height - 2 * margin)
    if shape == "stroke":
        return _stroke(share, window, margin, number)
    return _box(shape, share, window, margin, number)


def raster(mask: Mask, width: int, height: int) -> Raster:
    """Where a mask is, (height, width).

    Raises:
        ValueError: it leads out of the image.
    """
    if not all(0 <= x <= width and 0 <= y <= height for x, y in mask.points):
        raise ValueError(f"a mask that leads out of the image of {width}x{height} pixels")
    x, y = _centres(range(width)), _centres(range(height))[:, None]
    if mask.shape == "stroke":
        return _along(mask.points, mask.width, x, y)
    (left, top), (right, bottom) = mask.points
    if mask.shape == "rectangle":
        return (x > 2 * left) & (x < 2 * right) & (y > 2 * top) & (y < 2 * bottom)
    across, down = right - left, bottom - top
    return ((x - left - right) * down) ** 2 + ((y - top - bottom) * across) ** 2 <= (across * down) ** 2


def raster_of(mask: Mask | None, width: int, height: int) -> Raster:
    """Where an inpainting pipeline is told to generate anew; nowhere, where nothing is masked."""
    return np.zeros((height, width), bool) if mask is None else raster(mask, width, height)


def restored(pixels: Pixels, region: Pixels | None, fake: Fake) -> Pixels:
    """A fake's native pixels, with the real's own outside of the mask where its record says so.

    Args:
        pixels: as the pipeline gave them.
        region: what it was shown.
        fake: the record.
    """
    if not fake.restored_background or region is None:
        return pixels
    anew = raster_of(fake.mask, fake.native_width, fake.native_height)
    return np.where(anew[:, :, None], pixels, region)


def _box(shape: MaskShape, share: float, window: tuple[int, int], margin: int, number: int) -> Mask:
    """A rectangle, or an ellipse in its bounding box, of a share of the window."""
    columns, rows = window
    area = share * columns * rows * (4 / math.pi if shape == "ellipse" else 1)
    ratio = _LONGEST ** (2 * fraction(number, "mask-ratio") - 1)
    # one that is wider or higher than the window is made less long
    across = min(columns, max(area / rows, math.sqrt(area * ratio)))
    width = min(columns, max(1, round(across)))
    height = min(rows, max(1, round(area / across)))
    left = margin + seed(number, "mask-x") % (columns - width + 1)
    top = margin + seed(number, "mask-y") % (rows - height + 1)
    return Mask(shape=shape, points=((left, top), (left + width, top + height)))


def _stroke(share: float, window: tuple[int, int], margin: int, number: int) -> Mask:
    """A free line through points of the window, of the width that comes nearest to a share of it."""
    columns, rows = window
    few, many = _VERTICES
    points = tuple(
        (
            margin + seed(number, "mask-point-x", index) % (columns + 1),
            margin + seed(number, "mask-point-y", index) % (rows + 1),
        )
        for index in range(few + seed(number, "mask-points") % (many - few + 1))
    )
    x = _centres(range(margin, margin + columns, math.ceil(columns / _SAMPLES)))
    y = _centres(range(margin, margin + rows, math.ceil(rows / _SAMPLES)))[:, None]

    def excess(width: int) -> float:
        return float(_along(points, width, x, y).mean()) - share

    # the share grows with the width: between these two it passes what is asked for
    thin, thick = 1, 2 * max(columns, rows)
    while thick - thin > 1:
        middle = (thin + thick) // 2
        thin, thick = (middle, thick) if excess(middle) < 0 else (thin, middle)
    width = min((thin, thick), key=lambda width: abs(excess(width)))
    return Mask(shape="stroke", points=points, width=width)


def _centres(pixels: range) -> NDArray[np.int64]:
    """Twice the coordinates of the pixels' centres, which are whole numbers."""
    return 2 * np.array(pixels, dtype=np.int64) + 1


def _along(points: Sequence[tuple[int, int]], width: int, x: NDArray[np.int64], y: NDArray[np.int64]) -> Raster:
    """What is no further than half the width from a line through points."""
    found = np.zeros((len(y), len(x)), bool)
    for (x0, y0), (x1, y1) in pairwise(points):
        along, across = 2 * (x1 - x0), 2 * (y1 - y0)
        from_x, from_y = x - 2 * x0, y - 2 * y0
        length = along**2 + across**2
        place = from_x * along + from_y * across
        near_start = from_x**2 + from_y**2 <= width**2
        near_end = (x - 2 * x1) ** 2 + (y - 2 * y1) ** 2 <= width**2
        beside = (from_x * across - from_y * along) ** 2 <= width**2 * length
        found |= near_start | near_end | (beside & (place > 0) & (place < length))
    return found
