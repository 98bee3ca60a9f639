"""What an image file says about itself outside its pixels, read from its own bytes."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from manifests.errors import DatasetError

# JPEG markers without a length: SOI, EOI, TEM and the restart markers
_BARE_MARKERS = {0xD8, 0xD9, 0x01, *range(0xD0, 0xD8)}
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_IMAGE = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS"}
_PNG_KINDS = {"eXIf": "exif", "iCCP": "icc", "caBX": "c2pa", "tEXt": "text", "zTXt": "text", "iTXt": "text"}
_WEBP_IMAGE = {"VP8 ", "VP8L", "VP8X", "ALPH"}
_WEBP_KINDS = {"EXIF": "exif", "ICCP": "icc", "XMP ": "xmp", "C2PA": "c2pa"}


@dataclass(frozen=True)
class Headers:
    """The header fields that the members of a pair must share; fields that a format lacks are empty.

    `sampling` holds the horizontal and vertical factors of each JPEG component; `other` names further segments or
    chunks, such as `APP13` or `gAMA`, and the density that JFIF gives; `trailing_bytes` counts what follows the end of the image.
    """

    format: str
    width: int
    height: int
    mode: str
    bit_depth: int
    progressive: bool
    quantisation_tables: tuple[tuple[int, ...], ...]
    subsampling: tuple[tuple[int, int], ...]
    exif: bool
    icc: bool
    xmp: bool
    c2pa: bool
    text: bool
    comment: bool
    other: tuple[str, ...]
    trailing_bytes: int


FIELDS = tuple(field.name for field in fields(Headers))


def read_headers(data: bytes) -> Headers:
    """Read the headers of a JPEG, PNG or WebP image; no pixel is decoded.

    Raises:
        DatasetError: the bytes are not such an image, or its segments cannot be followed.
    """
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            size, mode = image.size, image.mode
            # Pillow calls a JPEG with further pictures behind it MPO
            name = "JPEG" if image.format == "MPO" else str(image.format)
        contents = _CONTENTS[name](data)
    except UnidentifiedImageError:
        # Pillow's own words hold an address in memory
        raise DatasetError("not a readable JPEG, PNG or WebP image") from None
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"not a readable JPEG, PNG or WebP image: {error}") from error
    except (struct.error, LookupError) as error:
        raise DatasetError("its segments end in the middle") from error
    return Headers(
        format=name,
        width=size[0],
        height=size[1],
        mode=mode,
        bit_depth=contents.bit_depth,
        progressive=contents.progressive,
        quantisation_tables=contents.tables,
        subsampling=contents.sampling,
        exif="exif" in contents.kinds,
        icc="icc" in contents.kinds,
        xmp="xmp" in contents.kinds,
        c2pa="c2pa" in contents.kinds,
        text="text" in contents.kinds,
        comment="comment" in contents.kinds,
        other=tuple(sorted(contents.kinds - {"exif", "icc", "xmp", "c2pa", "text", "comment"})),
        trailing_bytes=contents.trailing_bytes,
    )


def differing_fields(first: Headers, second: Headers) -> tuple[str, ...]:
    """Names of the header fields in which two images differ, in the order of `FIELDS`."""
    return tuple(name for name in FIELDS if getattr(first, name) != getattr(second, name))


@dataclass(frozen=True)
class _Contents:
    """What a walk over the parts of a file finds."""

    bit_depth: int
    kinds: frozenset[str]
    trailing_bytes: int
    progressive: bool = False
    tables: tuple[tuple[int, ...], ...] = ()
    sampling: tuple[tuple[int, int], ...] = ()


def _jpeg_contents(data: bytes) -> _Contents:
    kinds: set[str] = set()
    tables: dict[int, tuple[int, ...]] = {}
    frame: tuple[int, bytes] | None = None
    end = len(data)
    for marker, start, body in _jpeg_segments(data):
        if marker == 0xDB:
            tables |= _quantisation_tables(body)
        elif marker in _START_OF_FRAME:
            frame = (marker, body)
        elif marker == 0xFE:
            kinds.add("comment")
        elif 0xE0 <= marker <= 0xEF:
            kinds.add(_application_kind(marker, body))
        elif marker == 0xD9:
            end = start
    if frame is None:
        raise ValueError("a JPEG without a frame header")
    marker, body = frame
    components = range(body[5])
    return _Contents(
        bit_depth=body[0],
        kinds=frozenset(kinds),
        trailing_bytes=len(data) - end,
        progressive=marker in _PROGRESSIVE,
        tables=tuple(tables[body[8 + 3 * index]] for index in components),
        sampling=tuple((body[7 + 3 * index] >> 4, body[7 + 3 * index] & 15) for index in components),
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, position behind the marker, and body of each segment; entropy-coded data is passed over."""
    position = 2
    while position + 1 < len(data):
        if data[position] != 0xFF or data[position + 1] in (0x00, 0xFF):
            position = _next_marker(data, position + 1)
            continue
        marker = data[position + 1]
        position += 2
        if marker in _BARE_MARKERS:
            yield marker, position, b""
            if marker == 0xD9:
                return
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise ValueError("a JPEG segment shorter than its own length")
        yield marker, position, data[position + 2 : position + length]
        position += length


def _next_marker(data: bytes, position: int) -> int:
    found = data.find(b"\xff", position)
    return len(data) if found < 0 else found


def _quantisation_tables(body: bytes) -> dict[int, tuple[int, ...]]:
    """The tables of a DQT segment by index, 64 steps each in the order of the file (zigzag)."""
    tables: dict[int, tuple[int, ...]] = {}
    position = 0
    while position < len(body):
        wide, index = body[position] >> 4, body[position] & 15
        tables[index] = struct.unpack_from(">64H" if wide else ">64B", body, position + 1)
        position += 129 if wide else 65
    return tables


def _application_kind(marker: int, body: bytes) -> str:
    if marker == 0xE0 and body.startswith(b"JFIF\0"):
        unit, across, down = struct.unpack_from(">BHH", body, 7)
        return f"JFIF density {across}x{down} unit {unit}"
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        return "exif"
    if marker == 0xE1 and body.startswith((b"http://ns.adobe.com/xap/", b"http://ns.adobe.com/xmp/")):
        return "xmp"
    if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        return "icc"
    if marker == 0xEB and body.startswith(b"JP"):
        return "c2pa"
    return f"APP{marker - 0xE0}"


def _png_contents(data: bytes) -> _Contents:
    kinds: set[str] = set()
    position = len(_PNG_SIGNATURE)
    bit_depth, interlaced = data[24], data[28] == 1
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        name = data[position + 4 : position + 8].decode("latin-1")
        body = data[position + 8 : position + 8 + length]
        position += 12 + length
        if name == "iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
            kinds.add("xmp")
        elif name not in _PNG_IMAGE:
            kinds.add(_PNG_KINDS.get(name, name))
        if name == "IEND":
            break
    return _Contents(
        bit_depth=bit_depth,
        kinds=frozenset(kinds),
        trailing_bytes=max(0, len(data) - position),
        progressive=interlaced,
    )


def _webp_contents(data: bytes) -> _Contents:
    kinds: set[str] = set()
    (riff_size,) = struct.unpack_from("<I", data, 4)
    position, end = 12, min(len(data), riff_size + 8)
    while position < end:
        name, length = struct.unpack_from("<4sI", data, position)
        position += 8 + length + length % 2
        text = name.decode("latin-1")
        if text not in _WEBP_IMAGE:
            kinds.add(_WEBP_KINDS.get(text, text))
    return _Contents(bit_depth=8, kinds=frozenset(kinds), trailing_bytes=len(data) - end)


_CONTENTS = {"JPEG": _jpeg_contents, "PNG": _png_contents, "WEBP": _webp_contents}
