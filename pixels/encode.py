"""From pixels to bytes: the final encode that all members of a pair share, and lossless storage on the way there.

Neither writes EXIF, a profile or text: pixels come in as arrays, which carry none.
"""

from io import BytesIO

from PIL import Image

from manifests.records import Encoding
from pixels.arrays import Pixels


def encode(pixels: Pixels, encoding: Encoding) -> bytes:
    """Encode final pixels of shape (height, width, 3)."""
    buffer = BytesIO()
    image = Image.fromarray(pixels)
    if encoding.format == "PNG":
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=encoding.quality, subsampling=encoding.subsampling)
    return buffer.getvalue()


def png(pixels: Pixels) -> bytes:
    """Encode pixels of shape (height, width, 3) losslessly and fast, for storage between stages."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
