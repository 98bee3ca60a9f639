"""The one way from bytes to pixels, for both sides of a pair, everywhere."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.config import ScreenRules
from pixels.failures import decoding, is_cut_short
from pixels.sniff import sniff
from pixels.webp import read_webp_header

# Opened by the sniffed format's own class: `Image.open` would try further formats, and its limit on the size is a
# warning and a global.
_READERS: dict[str, Callable[[BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
MAX_PIXELS: int = ScreenRules().max_pixels
MAX_SCANS = 100
"""Scans of a JPEG; encoders write ten or so. Each of them passes over the whole image, and fourteen bytes make one."""
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xd9"
_ALONE = frozenset({b"\x00", b"\x01", *(bytes([marker]) for marker in range(0xD0, 0xD9))})
"""What follows a byte of ones without a length: a coded byte of ones, TEM, RST0 to RST7, SOI."""


def open_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFile.ImageFile:
    """Read an image's header; no pixel is decoded yet.

    Args:
        data: the bytes of one image file, not to be trusted.
        max_pixels: width times height above which an image is refused.

    Raises:
        RejectedItem: `not-an-image`, `unknown-history` (a lossy format that is not read), `undecodable`,
            `truncated` or `too-large`.
    """
    file_format = sniff(data)
    if file_format not in _READERS:
        raise RejectedItem(Reason.UNKNOWN_HISTORY, f"{file_format}: its compression cannot be repeated on a fake")
    if file_format == "WEBP":
        with decoding(file_format, data):
            header = read_webp_header(data)
        _check_size(header.width, header.height, max_pixels)
    if file_format == "JPEG":
        _check_scans(data)
    with decoding(file_format, data):
        image = _READERS[file_format](BytesIO(data))
    _check_size(image.width, image.height, max_pixels)
    if is_cut_short(file_format, data):
        raise RejectedItem(Reason.TRUNCATED, f"{file_format} without its end")
    return image


def load(image: ImageFile.ImageFile) -> Pixels:
    """Decode an opened image of mode RGB or L (grey becomes three equal channels).

    Returns:
        Pixels of shape (height, width, 3), in the stored orientation.

    Raises:
        RejectedItem: `pixel-format` for any other mode, `truncated` or `undecodable`.
        InfrastructureError: there is not enough memory.
    """
    if image.mode not in ("RGB", "L"):
        raise RejectedItem(Reason.PIXEL_FORMAT, f"mode {image.mode}, expected RGB")
    with decoding(str(image.format)):
        image.load()
        array = np.array(image, dtype=np.uint8)
        return array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2)


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode one image.

    Args:
        data: the bytes of one image file, not to be trusted.
        max_pixels: width times height above which an image is refused before it is decoded.

    Returns:
        Pixels of shape (height, width, 3), uint8 RGB, in the stored orientation: EXIF is not applied.

    Raises:
        RejectedItem: what `open_image` and `load` raise.
    """
    return load(open_image(data, max_pixels=max_pixels))


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise RejectedItem(Reason.TOO_LARGE, f"{width}x{height} pixels, at most {max_pixels} are decoded")


def _check_scans(data: bytes) -> None:
    # far quicker than walking, which is left to files that may have too many: previews and videos lie in JPEGs, too
    if _occurrences(data) > MAX_SCANS and _scans(data) > MAX_SCANS:
        raise RejectedItem(Reason.TOO_LARGE, f"a JPEG of more than {MAX_SCANS} scans")


def _occurrences(data: bytes) -> int:
    """How often the marker's two bytes stand in the file; five times as fast as `bytes.count`."""
    values = np.frombuffer(data, dtype=np.uint8)
    before = np.flatnonzero(values[1:] == _START_OF_SCAN[1])
    return int(np.count_nonzero(values[before] == _START_OF_SCAN[0]))


def _scans(data: bytes) -> int:
    """How many scans the decoder meets, from marker to marker, up to the end of the image (ITU-T T.81, B.1)."""
    scans, place = 0, 2
    while (place := data.find(b"\xff", place)) >= 0:
        marker = data[place + 1 : place + 2]
        if marker == b"\xff":  # fill
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in (b"", _END_OF_IMAGE):
            break
        else:
            scans += marker == _START_OF_SCAN[1:]
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return scans
