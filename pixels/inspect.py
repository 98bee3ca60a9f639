"""Screening: what a real image is, and whether a fake can be made equal to it."""

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from manifests.errors import RejectedItem
from manifests.records import ImageFacts, JpegCoding, Reason
from pixels.colour import check_srgb
from pixels.config import ScreenRules
from pixels.declared import declared_generated
from pixels.decode import load, open_image
from pixels.exif import read_exif
from pixels.failures import decoding
from pixels.jpeg import coding_of, tables_digest
from pixels.jpeg_grid import has_jpeg_grid
from pixels.metadata import read_metadata
from pixels.orient import to_upright
from pixels.phash import phash
from pixels.predicates import check_member
from pixels.webp import read_webp_header

_LOSSLESS_TIFF = {"raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd"}
_TIFF_BITS_PER_SAMPLE = 258


def inspect(
    data: bytes, rules: ScreenRules, *, rotation: int = 0, existing_fake: bool = False
) -> tuple[ImageFacts, JpegCoding | None]:
    """Find out what one image is.

    Args:
        data: the bytes as they came, not to be trusted.
        rules: the recipe's.
        rotation: degrees counter-clockwise that the source says to apply: 0, 90, 180 or 270. It is applied only where
            EXIF names no orientation, or 1.
        existing_fake: whether the source gives it as a generated image, which may say that it is one.

    Returns:
        The facts, and the coding of a JPEG (None where the image is lossless).

    Raises:
        RejectedItem: what cannot be decoded, `too-small`, `declared-generated`, or has no fake that could be made equal
            to it; see the functions below for the reasons.
        ValueError: `rotation` is no quarter turn.
    """
    if rotation not in (0, 90, 180, 270):
        raise ValueError(f"rotation {rotation}: expected 0, 90, 180 or 270 degrees")
    image = open_image(data, max_pixels=rules.max_pixels)
    _check_still(image)
    _check_history(image, data)
    _check_pixel_format(image, data)
    if min(image.size) < rules.min_side:
        raise RejectedItem(Reason.TOO_SMALL, f"{image.width}x{image.height} pixels, expected {rules.min_side} a side")
    coding = coding_of(image) if isinstance(image, JpegImageFile) else None
    pixels = load(image)
    if rules.declared_generated == "reject" and not existing_fake:
        _check_declared(image, data)
    exif = read_exif(image)
    check_srgb(image, exif)
    check_member(pixels, rules.predicates)
    if coding is None and has_jpeg_grid(pixels):
        raise RejectedItem(Reason.HIDDEN_JPEG, f"{image.format} whose pixels carry the 8x8 grid of a JPEG")
    facts = ImageFacts(
        format=str(image.format),
        width=image.width,
        height=image.height,
        orientation=exif.orientation,
        rotation=rotation if exif.orientation == 1 else 0,
        subsampling=coding.subsampling if coding else "",
        jpeg_tables=tables_digest(coding.tables) if coding else "",
    )
    return facts.model_copy(update={"phash": f"{phash(to_upright(pixels, facts)):016x}"}), coding


def _check_declared(image: ImageFile.ImageFile, data: bytes) -> None:
    declared = declared_generated(read_metadata(image, data))
    if declared:
        raise RejectedItem(Reason.DECLARED_GENERATED, declared)


def _check_still(image: ImageFile.ImageFile) -> None:
    with decoding(str(image.format)):
        animated = getattr(image, "is_animated", False)
    if animated:
        raise RejectedItem(Reason.ANIMATED, f"{image.format} with more than one frame")


def _check_history(image: ImageFile.ImageFile, data: bytes) -> None:
    """Lossy formats other than JPEG leave traces that cannot be repeated on a fake."""
    if image.format == "WEBP" and not read_webp_header(data).lossless:
        raise RejectedItem(Reason.UNKNOWN_HISTORY, "lossy WebP")
    if isinstance(image, TiffImageFile) and image.info.get("compression") not in _LOSSLESS_TIFF:
        raise RejectedItem(Reason.UNKNOWN_HISTORY, f"TIFF compressed by {image.info.get('compression')}")


def _check_pixel_format(image: ImageFile.ImageFile, data: bytes) -> None:
    """Only three channels of 8 bits without transparency; a grey image is told apart from those."""
    if image.mode == "L" and image.format != "GIF":
        raise RejectedItem(Reason.GREYSCALE, f"{image.format} of one channel")
    if image.mode == "CMYK" and image.format == "JPEG":
        raise RejectedItem(Reason.SUBSAMPLING, "CMYK JPEG")
    if image.mode != "RGB" or image.format == "GIF":
        raise RejectedItem(Reason.PIXEL_FORMAT, f"{image.format} of mode {image.mode}, expected RGB")
    if "transparency" in image.info:
        raise RejectedItem(Reason.PIXEL_FORMAT, f"{image.format} with a transparent colour")
    bits = _bits_per_channel(image, data)
    if bits != 8:
        raise RejectedItem(Reason.PIXEL_FORMAT, f"{image.format} of {bits} bits a channel, expected 8")


def _bits_per_channel(image: ImageFile.ImageFile, data: bytes) -> int:
    """Read from the file: Pillow reduces 16 bits to 8 without a word."""
    if image.format == "PNG":
        return data[24]  # IHDR is the first chunk, and its bit depth stands behind width and height
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,))))
    return 8
