"""Headers as they stand in real JPEG, PNG and WebP bytes."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from audit.headers import FIELDS, differing_fields, read_headers
from manifests.errors import DatasetError

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def encoded(format_: str, picture: Image.Image = PICTURE, **settings_: object):
    stream = io.BytesIO()
    picture.save(stream, format_, **settings_)
    return stream.getvalue()


def with_segment(jpeg: bytes, marker: int, body: bytes):
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def with_chunk(png: bytes, name: bytes, body: bytes):
    """Put a chunk behind IHDR, which ends at byte 33."""
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return png[:33] + chunk + png[33:]


JPEG = encoded("JPEG", quality=90, subsampling="4:2:0")
PNG = encoded("PNG")
EXIF = Image.Exif()
EXIF[0x010F] = "a camera"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_plain_jpeg():
    headers = read_headers(JPEG)
    assert (headers.format, headers.width, headers.height, headers.mode) == ("JPEG", 64, 48, "RGB")
    assert (headers.bit_depth, headers.progressive, headers.trailing_bytes) == (8, False, 0)
    assert headers.subsampling == ((2, 2), (1, 1), (1, 1))
    assert len(headers.quantisation_tables) == 3
    # the first step of the standard luma table at quality 90 is 16 * 0.2, rounded
    assert headers.quantisation_tables[0][0] == 3
    assert headers.quantisation_tables[1] == headers.quantisation_tables[2]
    assert headers.other == ("JFIF density 1x1 unit 0",)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (encoded("JPEG", quality=91, subsampling="4:2:0"), ("quantisation_tables",)),
        (encoded("JPEG", quality=90, subsampling="4:4:4"), ("subsampling",)),
        (encoded("JPEG", quality=90, subsampling="4:2:0", progressive=True), ("progressive",)),
        (encoded("JPEG", quality=90, subsampling="4:2:0", exif=EXIF), ("exif",)),
        (encoded("JPEG", quality=90, subsampling="4:2:0", dpi=(72, 72)), ("other",)),
        (encoded("JPEG", quality=90, subsampling="4:2:0", icc_profile=PROFILE), ("icc",)),
        (encoded("JPEG", quality=90, subsampling="4:2:0", comment=b"made by a model"), ("comment",)),
        (encoded("JPEG", PICTURE.rotate(90, expand=True), quality=90, subsampling="4:2:0"), ("width", "height")),
        (with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), ("xmp",)),
        (with_segment(JPEG, 0xEB, b"JP\0\1" + bytes(20)), ("c2pa",)),
        (with_segment(JPEG, 0xED, b"Photoshop 3.0\0"), ("other",)),
        (JPEG + b"hidden", ("trailing_bytes",)),
        (
            encoded("JPEG", PICTURE.convert("L"), quality=90),
            ("mode", "quantisation_tables", "subsampling"),
        ),
        (
            encoded("PNG"),
            ("format", "quantisation_tables", "subsampling", "other"),
        ),
    ],
)
def test_a_difference_from_a_plain_jpeg_is_named(data: bytes, fields: tuple[str, ...]):
    assert differing_fields(read_headers(JPEG), read_headers(data)) == fields


def text_chunk():
    information = PngImagePlugin.PngInfo()
    information.add_text("parameters", "a cat, 20 steps")
    return information


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (encoded("PNG", pnginfo=text_chunk()), ("text",)),
        (encoded("PNG", exif=EXIF), ("exif",)),
        (encoded("PNG", icc_profile=PROFILE), ("icc",)),
        (with_chunk(PNG, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"), ("xmp",)),
        (with_chunk(PNG, b"caBX", b"manifest"), ("c2pa",)),
        (with_chunk(PNG, b"gAMA", struct.pack(">I", 45455)), ("other",)),
        (encoded("PNG", PICTURE.convert("RGBA")), ("mode",)),
        (encoded("PNG", PICTURE.convert("P")), ("mode",)),
        (encoded("PNG", Image.fromarray(np.zeros((48, 64), dtype=np.uint16))), ("mode", "bit_depth")),
        (PNG + b"hidden", ("trailing_bytes",)),
    ],
)
def test_a_difference_from_a_plain_png_is_named(data: bytes, fields: tuple[str, ...]):
    assert differing_fields(read_headers(PNG), read_headers(data)) == fields


def test_metadata_in_webp():
    plain = read_headers(encoded("WEBP", quality=80))
    assert plain.format == "WEBP"
    assert not any((plain.exif, plain.icc, plain.xmp, plain.other, plain.trailing_bytes))
    dressed = read_headers(encoded("WEBP", quality=80, exif=EXIF, icc_profile=PROFILE, xmp=b"<x/>"))
    assert differing_fields(plain, dressed) == ("exif", "icc", "xmp")


def test_equal_settings_give_equal_headers_whatever_the_content():
    other = Image.fromarray(np.zeros((48, 64, 3), dtype=np.uint8))
    assert differing_fields(read_headers(JPEG), read_headers(encoded("JPEG", other, quality=90))) == ()


def test_the_fields_are_those_of_the_reference():
    assert {"format", "width", "height", "mode", "bit_depth", "progressive"} <= set(FIELDS)
    assert {"quantisation_tables", "subsampling", "exif", "icc", "xmp", "c2pa", "text", "comment"} <= set(FIELDS)


@pytest.mark.parametrize("data", [b"", b"<html></html>", encoded("GIF"), encoded("BMP")])
def test_what_is_no_image_of_the_three_formats_is_refused(data: bytes):
    with pytest.raises(DatasetError, match="not a readable"):
        read_headers(data)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_end_in_headers_or_a_clear_error(data: st.DataObject):
    original = data.draw(st.sampled_from([JPEG, PNG, encoded("WEBP"), encoded("WEBP", exif=EXIF)]))
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, min(700, len(damaged) - 1)))] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        read_headers(damaged)
    except DatasetError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
