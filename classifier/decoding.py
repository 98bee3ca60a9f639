"""From a shard's bytes to pixels: those of `pixels.decode`, by a faster decoder where one is installed.

simplejpeg rests on the same library as Pillow, libjpeg-turbo, and is asked for the same exact inverse transform and
interpolated chroma, so the pixels are the same bit for bit. It is never asked to decode at a reduced size: that would change
the very traces that a detector reads.
"""

from collections.abc import Callable
from typing import Any

from pixels.arrays import Pixels
from pixels.decode import load, open_image

try:
    from simplejpeg import decode_jpeg
except ImportError:
    decode_jpeg = None

_decode_jpeg: Callable[..., Any] | None = decode_jpeg


def decode(data: bytes) -> Pixels:
    """Decode one image.

    Args:
        data: the bytes of one image file.

    Returns:
        Pixels of shape (height, width, 3), uint8 RGB, at full size, in the stored orientation.

    Raises:
        RejectedItem: as `pixels.decode.decode` does.
    """
    image = open_image(data)
    if _decode_jpeg is None or image.format != "JPEG" or image.mode != "RGB":
        return load(image)
    try:
        pixels: Pixels = _decode_jpeg(data, colorspace="RGB", fastdct=False, fastupsample=False)
    except ValueError:
        # it refuses what Pillow may still read, and Pillow says better what is wrong
        return load(image)
    return pixels
