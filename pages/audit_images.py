"""The images that an audit names, small enough that a page can hold them all."""

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image

from manifests.errors import RejectedItem
from pixels.arrays import Pixels
from pixels.decode import decode

SHOWN_SIDE = 112
"""Pixels; larger images are shown reduced."""


@dataclass(frozen=True)
class NamedImage:
    """An image as it is stored: its name, its bytes, and whether it is a real one."""

    name: str
    data: bytes
    is_real: bool


@dataclass(frozen=True)
class Thumbnail:
    """An image as it is shown: a small `data:` URI, and whether it is a real one."""

    uri: str
    is_real: bool


def thumbnails(
    images: Iterable[NamedImage], names: Iterable[str], decoded: Callable[[bytes], Pixels] = decode
) -> dict[str, Thumbnail]:
    """Those of some images that are named, by name.

    Images that cannot be decoded are left out: the page shows their names alone.

    Args:
        images: more than are named, perhaps; read until all of those are found.
        names: of those that are shown.
        decoded: from an image's bytes to the pixels that were looked at.
    """
    missing = set(names)
    found: dict[str, Thumbnail] = {}
    for image in images:
        if image.name in missing:
            missing.discard(image.name)
            try:
                found[image.name] = Thumbnail(_uri(decoded(image.data)), image.is_real)
            except RejectedItem:
                continue
        if not missing:
            break
    return found


def _uri(pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
