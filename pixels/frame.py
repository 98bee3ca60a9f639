"""Framing: which window of the real image all members of a pair share, and what it shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manifests.errors import RejectedItem
from manifests.records import Frame, ImageFacts, JpegCoding, Reason
from manifests.seeds import seed
from pixels.arrays import Pixels
from pixels.config import ViewRules
from pixels.jpeg import mcu_size
from pixels.orient import to_upright
from pixels.resize import resize


@dataclass(frozen=True, eq=False)
class Framed:
    """The framed real, upright.

    Attributes:
        shown: shape (F, F, 3): what is captioned, and what a text-to-image generator is asked to match.
        region: what an image-conditioned generator is given. Patch framing: the window with its margin, shape
            (F + 2 margin, F + 2 margin, 3). Scene framing: the same as `shown`.
    """

    shown: Pixels
    region: Pixels


def plan_frame(facts: ImageFacts, coding: JpegCoding | None, view: ViewRules, pair_id: str, salt: str) -> Frame:
    """Choose the window of one pair, in the stored orientation and on the grid of the stored JPEG.

    Scene framing, and images that stand alone: the largest square of whole MCUs. Patch framing: `view.frame` native
    pixels with `view.margin` of image all round. Where several positions are possible, the pair's seed draws one.

    Args:
        facts: size and orientation of the real image.
        coding: of the real image; None where it is lossless, and any position will do.
        view: framing, F, S, margin, kernel.
        pair_id: what the position is drawn by, with the salt.
        salt: the recipe's.

    Raises:
        RejectedItem: `too-small` where the window would have to be enlarged, or does not fit with its margin.
    """
    mcu = mcu_size(coding)
    if view.framing != "patch":
        unit = math.lcm(*mcu)
        side = min(facts.width, facts.height) // unit * unit
        # how far an image that stands alone has to be reduced is a question of the alignment
        needed, margin = unit if view.is_single else view.frame, 0
    else:
        side, margin = view.frame, view.margin
        needed = side + 2 * margin
    if max(side, needed) > min(facts.width, facts.height) or (side < view.frame and not view.is_single):
        raise RejectedItem(
            Reason.TOO_SMALL, f"{facts.width}x{facts.height} pixels; view {view.name} needs {needed} in whole blocks"
        )
    columns = range(margin, facts.width - side - margin + 1, mcu[0])
    rows = range(margin, facts.height - side - margin + 1, mcu[1])
    return Frame(
        view=view.name,
        framing=view.framing,
        x=_draw(columns, salt, pair_id, "window-x"),
        y=_draw(rows, salt, pair_id, "window-y"),
        side=side,
        frame=view.frame,
        size=view.size,
        margin=margin,
        mcu=mcu,
        kernel=view.kernel,
        ratio=side / view.frame,
    )


def plan_generated(view: ViewRules) -> Frame:
    """The window of an image that is made from a prompt: all of its native pixels."""
    return Frame(
        view=view.name,
        framing=view.framing,
        x=0,
        y=0,
        side=view.frame,
        frame=view.frame,
        size=view.size,
        kernel=view.kernel,
        ratio=1.0,
    )


def cut(stored_pixels: Pixels, facts: ImageFacts, frame: Frame) -> Framed:
    """Cut the planned window out of the real image and turn it upright; but for patches it is reduced to F as well.

    Args:
        stored_pixels: the whole real image as decoded, shape (facts.height, facts.width, 3).
        facts: of the real image.
        frame: as planned for it.

    Raises:
        ValueError: the pixels are not of the size that `facts` tells.
    """
    if stored_pixels.shape != (facts.height, facts.width, 3):
        raise ValueError(f"pixels of shape {stored_pixels.shape} are not those of {facts.width}x{facts.height}")
    top, left = frame.y - frame.margin, frame.x - frame.margin
    extent = frame.side + 2 * frame.margin
    region = to_upright(stored_pixels[top : top + extent, left : left + extent], facts)
    if frame.framing != "patch":
        region = resize(region, frame.frame, frame.kernel)
    return framed_from_region(region, frame)


def framed_from_region(region: Pixels, frame: Frame) -> Framed:
    """The framed real, from its stored region: `shown` is the region without its margin (scene framing has none)."""
    return Framed(shown=without_margin(region, frame.margin), region=region)


def without_margin(pixels: Pixels, margin: int) -> Pixels:
    """Cut `margin` pixels off each side."""
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[margin : height - margin, margin : width - margin])


def _draw(positions: Sequence[int], *parts: str) -> int:
    return positions[seed(*parts) % len(positions)]
