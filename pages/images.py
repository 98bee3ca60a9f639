"""Images as `data:` URIs, so that a page needs nothing beside itself."""

import base64
import io

from PIL import Image

from manifests.shards import extension
from pixels.decode import decode

LARGEST_SIDE = 256
"""Pixels; larger images are shown reduced."""

_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def data_uri(data: bytes) -> str:
    """A JPEG, PNG or WebP as a `data:` URI: its own bytes, or a reduced JPEG where a side exceeds `LARGEST_SIDE`.

    Raises:
        RejectedItem: the bytes are no image that may be decoded.
    """
    pixels = decode(data)
    if max(pixels.shape[:2]) > LARGEST_SIDE:
        image = Image.fromarray(pixels)
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=88)
        data = stream.getvalue()
    return f"data:{_MIME[extension(data)]};base64,{base64.b64encode(data).decode()}"
