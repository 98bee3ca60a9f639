import contextlib
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.decode import decode, open_image


def reason_for(data: bytes, **options: int) -> Reason:
    with pytest.raises(RejectedItem) as rejected:
        decode(data, **options)
    return rejected.value.reason


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_lossless_formats_give_back_the_pixels(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, options: dict[str, object]
):
    picture = draw()
    decoded = decode(save(picture, file_format, **options))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, picture)


def test_a_jpeg_gives_pixels_near_the_picture_in_the_stored_orientation(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    from PIL import Image

    picture = draw()
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(save(picture, quality=100, subsampling="4:4:4", exif=exif))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 1


def test_grey_becomes_three_equal_channels(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    grey = draw()[..., 0]
    assert np.array_equal(decode(save(grey, "PNG")), np.stack([grey] * 3, axis=-1))


def test_progressive_and_baseline_files_of_the_same_coefficients_decode_alike(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    picture = draw()
    assert np.array_equal(decode(save(picture, progressive=True)), decode(save(picture)))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_file_that_stops_early_is_truncated(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, kept: float
):
    data = save(draw(), file_format)
    assert reason_for(data[: int(len(data) * kept)]) is Reason.TRUNCATED


@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_marker_is_truncated(
    draw: Callable[..., Pixels], save: Callable[..., bytes], missing: int
):
    assert reason_for(save(draw())[:-missing]) is Reason.TRUNCATED


def test_a_jpeg_is_truncated_even_when_its_thumbnail_has_an_end(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    from PIL import Image

    thumbnail = save(draw(32, 32))
    exif = Image.Exif()
    exif[0x010E] = "x"
    data = save(draw(), exif=exif.tobytes() + thumbnail)
    assert data.count(b"\xff\xd9") == 2
    assert reason_for(data[: len(data) // 2]) is Reason.TRUNCATED


@pytest.mark.parametrize("missing", [1, 12])
@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_a_container_without_its_end_is_truncated_although_all_pixels_are_there(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, options: dict[str, object], missing: int
):
    assert reason_for(save(draw(), file_format, **options)[:-missing]) is Reason.TRUNCATED


def test_bytes_after_the_end_do_no_harm(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    picture = draw()
    assert np.array_equal(decode(save(picture, "PNG") + b"trailer"), picture)
    assert decode(save(picture) + save(draw(32, 32))).shape == picture.shape


def test_a_broken_stream_is_undecodable(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = bytearray(save(draw(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert reason_for(bytes(data)) is Reason.UNDECODABLE


def test_a_palette_is_not_silently_converted(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert reason_for(save(draw(), "GIF")) is Reason.PIXEL_FORMAT


@pytest.mark.parametrize("file_format", ["AVIF", "JPEG2000"])
def test_lossy_formats_that_are_not_read_have_an_unknown_history(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str
):
    assert reason_for(save(draw(), file_format)) is Reason.UNKNOWN_HISTORY


def claims_to_be_large(file_format: str, data: bytes, side: int) -> bytes:
    """Patch the size in a header; the pixels behind it stay few."""
    if file_format == "PNG":
        header = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
        return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    if file_format == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]
    if file_format == "WEBP":
        at = data.index(b"VP8L") + 9
        rest = int.from_bytes(data[at : at + 4], "little") >> 28 << 28
        return data[:at] + (rest | (side - 1) << 14 | side - 1).to_bytes(4, "little") + data[at + 4 :]
    at = 18  # BMP
    return data[:at] + struct.pack("<ii", side, side) + data[at + 8 :]


@pytest.mark.parametrize(
    ("file_format", "options", "side"),
    [("PNG", {}, 60_000), ("JPEG", {}, 60_000), ("WEBP", {"lossless": True}, 16_000), ("BMP", {}, 60_000)],
)
def test_a_decompression_bomb_is_refused_by_its_header(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, options: dict[str, object], side: int
):
    data = claims_to_be_large(file_format, save(draw(), file_format, **options), side)
    assert reason_for(data) is Reason.TOO_LARGE


def test_a_jpeg_of_endless_scans_is_refused_and_what_lies_behind_its_end_is_not_counted(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    data = save(draw(), progressive=True, restart_marker_blocks=1, comment=b"\xff\xda" * 200)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert np.array_equal(decode(data + last * 200), decode(data))
    assert decode(data[:-2] + last * 5 + data[-2:]).shape == decode(data).shape
    assert reason_for(data[:-2] + last * 100 + data[-2:]) == Reason.TOO_LARGE


def test_the_limit_on_pixels_is_the_callers(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = save(draw(100, 90))
    assert decode(data, max_pixels=9_000).shape == (90, 100, 3)
    assert reason_for(data, max_pixels=8_999) is Reason.TOO_LARGE


def test_opening_decodes_no_pixel(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = save(draw(), "PNG")
    broken = data[:60] + b"\x00" * 100 + data[160:]
    assert open_image(broken).size == (160, 144)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_files_are_decoded_or_rejected_and_nothing_else(
    draw: Callable[..., Pixels], save: Callable[..., bytes], data: st.DataObject
):
    file_format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]))
    damaged = bytearray(save(draw(48, 40), file_format))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(damaged)))
    with contextlib.suppress(RejectedItem):
        decode(bytes(damaged[:kept]), max_pixels=1_000_000)
