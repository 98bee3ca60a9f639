"""From anybody's image file to the pixels that a detector judges: as a viewer shows them, and within limits."""

from pathlib import Path

import numpy as np
from PIL import ImageOps

from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.decode import MAX_PIXELS, open_image
from pixels.failures import decoding
from pixels.sniff import sniff

MAX_BYTES = 256 * 2**20
"""Length of the longest file that is read."""

_MODES = ("RGB", "L", "1", "P", "LA", "PA", "RGBA", "CMYK", "YCbCr")
"""What eight bits of red, green and blue can be made of; Pillow would cut off what others hold."""

_NOT_READ = ("AVIF", "HEIC", "HEIF", "JPEG2000", "JPEG-XL")


def judged_pixels(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode an image: turned as its EXIF says, its first frame, its transparency left out.

    Args:
        data: the bytes of one image file, not to be trusted.
        max_pixels: width times height above which an image is refused before it is decoded.

    Returns:
        Pixels of shape (height, width, 3), uint8 RGB.

    Raises:
        RejectedItem: no image, or one that is damaged, too large, or of a kind that is not read.
    """
    file_format = sniff(data)
    if file_format in _NOT_READ:
        raise RejectedItem(Reason.UNKNOWN_HISTORY, f"{file_format} is not read: convert it to PNG or JPEG")
    image = open_image(data, max_pixels=max_pixels)
    if image.mode not in _MODES:
        raise RejectedItem(Reason.PIXEL_FORMAT, f"mode {image.mode} is not read: convert it to 8 bits a channel")
    with decoding(file_format, data):
        return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def read_pixels(path: Path) -> Pixels:
    """The pixels of an image file, as `judged_pixels` gives them.

    Raises:
        DatasetError: there is no such file, or it cannot be decoded.
    """
    try:
        return judged_pixels(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}).") from error
    except RejectedItem as rejection:
        raise DatasetError(f"{path}: cannot be judged ({rejection}).") from rejection
