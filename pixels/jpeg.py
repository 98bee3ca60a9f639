"""How a JPEG is coded, and the same coding given to other pixels.

Quantisation tables are kept by component (luma, then chroma), so that a file's own numbering of its tables does not
matter: the encoder writes one table a component.
"""

import hashlib
from collections.abc import Sequence
from io import BytesIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from manifests.errors import RejectedItem
from manifests.records import JpegCoding, Reason, Subsampling
from pixels.arrays import Pixels
from pixels.decode import decode, open_image

# Keys are what Pillow's `get_sampling` answers. It answers -1 for all it cannot write, and saving -1 writes 4:2:0.
_SUBSAMPLINGS: dict[int, Subsampling] = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_MCU: dict[Subsampling, tuple[int, int]] = {"4:4:4": (8, 8), "4:2:2": (16, 8), "4:2:0": (16, 16)}
_RGB_COMPONENTS = tuple(b"RGB")


def mcu_size(coding: JpegCoding | None) -> tuple[int, int]:
    """Width and height in pixels of the blocks that a JPEG codes together; (1, 1) for a lossless image."""
    return (1, 1) if coding is None else _MCU[coding.subsampling]


def jpeg_coding(data: bytes) -> JpegCoding:
    """Read the coding of a JPEG file from its header.

    Raises:
        RejectedItem: `subsampling` for a coding that the encoder cannot repeat, or what `open_image` raises.
    """
    image = open_image(data)
    if not isinstance(image, JpegImageFile):
        raise RejectedItem(Reason.UNKNOWN_HISTORY, f"{image.format}, expected a JPEG")
    return coding_of(image)


def coding_of(image: JpegImageFile) -> JpegCoding:
    """Read the coding of an opened JPEG from its own layers.

    Raises:
        RejectedItem: `undecodable` for more than one frame header; `subsampling` for CMYK, for RGB stored without the
            YCbCr transform, for chroma samplings other than 4:4:4, 4:2:2 and 4:2:0, and for tables that are missing or
            not of 8 bits.
    """
    if len(image.layer) != image.layers:
        raise RejectedItem(Reason.UNDECODABLE, "JPEG: more than one frame header")
    if image.layers != 3:
        raise RejectedItem(Reason.SUBSAMPLING, f"{image.layers} components, expected the 3 of YCbCr")
    if _is_stored_as_rgb(image):
        raise RejectedItem(Reason.SUBSAMPLING, "stored as RGB, without the YCbCr transform")
    subsampling = _SUBSAMPLINGS.get(get_sampling(image))
    if subsampling is None:
        factors = ", ".join(f"{across}x{down}" for _, across, down, _ in image.layer)
        raise RejectedItem(Reason.SUBSAMPLING, f"sampling factors {factors} cannot be written")
    luma, blue, red = (_table(image, index) for _, _, _, index in image.layer)
    return JpegCoding(tables=(luma, blue) if blue == red else (luma, blue, red), subsampling=subsampling)


def tables_digest(tables: Sequence[Sequence[int]]) -> str:
    """A name for quantisation tables: 16 hex digits."""
    text = ";".join(",".join(str(step) for step in table) for table in tables)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def coded(pixels: Pixels, coding: JpegCoding) -> bytes:
    """Pixels as a JPEG of this coding; the grid of blocks begins at the upper left pixel."""
    buffer = BytesIO()
    tables = [list(table) for table in coding.tables]
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=coding.subsampling)
    return buffer.getvalue()


def recode(pixels: Pixels, coding: JpegCoding) -> Pixels:
    """Pass pixels through JPEG once: what comes back has the compression history that `coding` describes.

    The grid of blocks begins at the upper left pixel. Pixels at the edges depend on the encoder's padding and the
    decoder's chroma interpolation: give a margin, and cut it off, where that matters.

    Args:
        pixels: shape (height, width, 3).
        coding: tables and subsampling, as `jpeg_coding` reads them.

    Returns:
        The same shape.
    """
    return decode(coded(pixels, coding), max_pixels=pixels.shape[0] * pixels.shape[1])


def _is_stored_as_rgb(image: JpegImageFile) -> bool:
    """Whether libjpeg will decode without a colour transform; the order of its questions is libjpeg's own."""
    if "jfif" in image.info:
        return False
    if "adobe" in image.info:
        return image.info.get("adobe_transform") == 0
    return tuple(layer[0] for layer in image.layer) == _RGB_COMPONENTS


def _table(image: JpegImageFile, index: int) -> tuple[int, ...]:
    table = tuple(image.quantization.get(index, ()))
    if len(table) != 64:
        raise RejectedItem(Reason.SUBSAMPLING, f"quantisation table {index} is missing")
    if not all(1 <= step <= 255 for step in table):
        raise RejectedItem(Reason.SUBSAMPLING, f"quantisation table {index} has steps outside 1 to 255")
    return table
