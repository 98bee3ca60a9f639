"""From a shard's bytes to pixels: those of `pixels.decode`, by faster decoders where they are installed.

simplejpeg rests on the same library as Pillow, libjpeg-turbo, and is asked for the same exact inverse transform and
interpolated chroma, so the pixels are the same bit for bit; so are those of `classifier.jpeg_part`, which decodes no more
than the part that is wanted. Neither is ever asked to decode at a reduced size: that would change the very traces that a
detector reads.
"""

from collections.abc import Callable
from typing import Any

from PIL.ImageFile import ImageFile

from classifier.jpeg_part import Box, PartError, decode_part, is_available
from pixels.arrays import Pixels
from pixels.decode import load, open_image

try:
    from simplejpeg import decode_jpeg
except ImportError:
    decode_jpeg = None

_decode_jpeg: Callable[..., Any] | None = decode_jpeg


def decode(data: bytes, wanted: Callable[[int, int], Box] | None = None) -> Pixels:
    """Decode one image, or the part of it that is wanted.

    Args:
        data: the bytes of one image file.
        wanted: says which part, given the image's width and height; None: all of it.

    Returns:
        Pixels of shape (height, width, 3), uint8 RGB, at full size, in the stored orientation.

    Raises:
        RejectedItem: as `pixels.decode.decode` does; damage outside the part may go unseen.
    """
    if wanted is not None and is_available():
        try:
            return decode_part(data, wanted)
        except PartError:
            pass  # the others may still read it, and Pillow says better what is wrong
    image = open_image(data)
    pixels = _decoded(data, image)
    return pixels if wanted is None else wanted(image.width, image.height).cut(pixels)


def _decoded(data: bytes, image: ImageFile) -> Pixels:
    if _decode_jpeg is None or not _is_plain(image):
        return load(image)
    try:
        pixels: Pixels = _decode_jpeg(data, colorspace="RGB", fastdct=False, fastupsample=False)
    except ValueError:
        # it refuses what Pillow may still read, and Pillow says better what is wrong
        return load(image)
    return pixels


def _is_plain(image: ImageFile) -> bool:
    return image.format == "JPEG" and image.mode == "RGB"
