"""What an image file carries beside its pixels and says in words: texts, EXIF, XMP and C2PA."""

from collections import defaultdict
from dataclasses import dataclass, field

from PIL import ExifTags, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from manifests.errors import RejectedItem
from pixels.failures import decoding
from pixels.webp import read_webp_chunk

_TIFF_C2PA = 0xCD41
_EXIF_TEXTS = (
    ExifTags.Base.Software,
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Artist,
    ExifTags.Base.XPTitle,
    ExifTags.Base.XPComment,
)
# the first eight bytes of a UserComment name its character set (CIPA DC-008)
_CHARACTER_SETS = (b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", bytes(8))
_JUMBF_HEADER, _LONG_JUMBF_HEADER = 8, 16


@dataclass(frozen=True)
class Metadata:
    """The words of a file, not to be trusted; empty where it has none.

    Attributes:
        texts: PNG text chunks by keyword; a comment by the name `comment`.
        exif: EXIF's texts by the name of the field. Zero bytes are left out, so that UTF-16 reads like ASCII.
        xmp: the XMP packet.
        c2pa: the JUMBF boxes that hold C2PA's manifests.
    """

    texts: dict[str, str] = field(default_factory=dict)
    exif: dict[str, str] = field(default_factory=dict)
    xmp: bytes = b""
    c2pa: bytes = b""


def read_metadata(image: ImageFile.ImageFile, data: bytes) -> Metadata:
    """Read the words of an image whose pixels are loaded (a PNG may carry them behind its pixels).

    Args:
        image: the opened image.
        data: the bytes of its file.

    Returns:
        What can be read. What cannot counts as absent: no viewer would see it either.
    """
    texts = {str(name): str(text) for name, text in image.text.items()} if isinstance(image, PngImageFile) else {}
    if comment := image.info.get("comment"):
        texts["comment"] = _text(comment)
    xmp = image.info.get("xmp", b"")
    return Metadata(
        texts=texts,
        exif=_exif(image),
        xmp=xmp if isinstance(xmp, bytes) else _text(xmp).encode(),
        c2pa=_c2pa(image, data),
    )


def _exif(image: ImageFile.ImageFile) -> dict[str, str]:
    try:
        with decoding(str(image.format)):
            exif = image.getexif()
            comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
            fields = {tag.name: _text(exif.get(tag, "")) for tag in _EXIF_TEXTS}
    except RejectedItem:
        return {}
    if isinstance(comment, bytes) and comment.startswith(_CHARACTER_SETS):
        comment = comment[8:]
    fields["UserComment"] = _text(comment)
    return {name: text for name, text in fields.items() if text}


def _text(value: object) -> str:
    """A value as text; the XP fields are bytes that Pillow may hand over as numbers."""
    if isinstance(value, tuple) and all(isinstance(item, int) and 0 <= item <= 255 for item in value):
        value = bytes(value)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.replace("\0", "") if isinstance(value, str) else ""


def _c2pa(image: ImageFile.ImageFile, data: bytes) -> bytes:
    """Where C2PA's specification ("Embedding manifests into various file formats") puts the manifests."""
    if isinstance(image, JpegImageFile):
        return _jumbf([segment for name, segment in image.applist if name == "APP11"])
    if isinstance(image, PngImageFile):
        return b"".join(chunk[1] for chunk in image.private_chunks if chunk[0] == b"caBX")
    if isinstance(image, TiffImageFile):
        return _tiff_bytes(image, _TIFF_C2PA)
    return read_webp_chunk(data, "C2PA") if image.format == "WEBP" else b""


def _tiff_bytes(image: TiffImageFile, tag: int) -> bytes:
    try:
        with decoding("TIFF"):
            value = image.tag_v2.get(tag, b"")
    except RejectedItem:
        return b""
    return value if isinstance(value, bytes) else b""


def _jumbf(segments: list[bytes]) -> bytes:
    """The boxes of a JPEG's APP11 segments (ISO/IEC 19566-5, annex D), put together where one spans several segments.

    A segment is `JP`, the box's number (2 bytes), its place in the box (4 bytes), and a part of the box; each part
    repeats the box's own header.
    """
    boxes: dict[bytes, list[tuple[int, bytes]]] = defaultdict(list)
    for segment in segments:
        if segment.startswith(b"JP") and len(segment) >= 8:
            boxes[segment[2:4]].append((int.from_bytes(segment[4:8], "big"), segment[8:]))
    return b"".join(_joined([part for _, part in sorted(parts, key=lambda part: part[0])]) for parts in boxes.values())


def _joined(parts: list[bytes]) -> bytes:
    header = _LONG_JUMBF_HEADER if parts[0][:4] == b"\0\0\0\1" else _JUMBF_HEADER
    return parts[0] + b"".join(part[header:] for part in parts[1:])
