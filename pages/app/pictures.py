"""Images as pages show them: whole and unchanged, reduced for a list, or as the difference between two."""

import base64
import io

import numpy as np
from PIL import Image

from manifests.errors import RejectedItem
from manifests.shards import extension
from pixels.arrays import Pixels
from pixels.decode import decode, load, open_image

LIST_SIDE = 256
"""Pixels: the longest side of an image in a list."""
_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_SHOWN_WHOLE = 4096 * 4096


def whole(data: bytes) -> str | None:
    """An image's own bytes as a `data:` URI; None where they are no image that may be shown."""
    try:
        if open_image(data, max_pixels=_SHOWN_WHOLE).format not in ("JPEG", "PNG", "WEBP"):
            return None
    except RejectedItem:
        return None
    return _uri(data)


def reduced(data: bytes) -> str | None:
    """An image as a `data:` URI of at most `LIST_SIDE` pixels a side; None where the bytes are no image."""
    try:
        image = open_image(data)
        if max(image.size) <= LIST_SIDE:
            return whole(data)
        # a JPEG is decoded at a half or a quarter of its size: enough for a list
        image.draft("RGB", (LIST_SIDE, LIST_SIDE))
        pixels = load(image)
    except RejectedItem:
        return None
    small = Image.fromarray(pixels)
    small.thumbnail((LIST_SIDE, LIST_SIDE), Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return _uri(stream.getvalue())


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes are no image."""
    try:
        image = open_image(data, max_pixels=_SHOWN_WHOLE)
    except RejectedItem:
        return None
    return image.width, image.height


def difference(one: bytes, other: bytes, gain: int) -> str | None:
    """The absolute difference of two images times a gain, clipped to 255, as the `data:` URI of a PNG.

    Returns:
        None where one is no image, or their sizes are not the same.
    """
    if (both := _comparable(one, other)) is None:
        return None
    stream = io.BytesIO()
    Image.fromarray(absolute_difference(*both, gain)).save(stream, "PNG", compress_level=1)
    return _uri(stream.getvalue())


def absolute_difference(first: Pixels, second: Pixels, gain: int) -> Pixels:
    """`|first - second| * gain`, clipped to 255; uint8, of the shape of both."""
    apart: Pixels = np.minimum(np.abs(first.astype(np.int32) - second) * gain, 255).astype(np.uint8)
    return apart


def mean_difference(one: bytes, other: bytes) -> float | None:
    """The mean absolute difference of two images, in levels of 0 to 255; None where it cannot be taken."""
    if (both := _comparable(one, other)) is None:
        return None
    first, second = both
    return float(np.abs(first.astype(np.int32) - second).mean())


def _comparable(one: bytes, other: bytes) -> tuple[Pixels, Pixels] | None:
    """The pixels of two images; None where one is no image, or their sizes are not the same."""
    try:
        first, second = decode(one, max_pixels=_SHOWN_WHOLE), decode(other, max_pixels=_SHOWN_WHOLE)
    except RejectedItem:
        return None
    return (first, second) if first.shape == second.shape else None


def _uri(data: bytes) -> str:
    return f"data:{_MIME[extension(data)]};base64,{base64.b64encode(data).decode()}"
