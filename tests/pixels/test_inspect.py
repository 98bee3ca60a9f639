import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.config import PredicateRules, ScreenRules
from pixels.decode import decode
from pixels.inspect import inspect
from pixels.jpeg import jpeg_coding, tables_digest
from pixels.orient import to_upright
from pixels.phash import phash

RULES = ScreenRules(min_side=64)


def reason_for(data: bytes, rules: ScreenRules = RULES) -> Reason:
    with pytest.raises(RejectedItem) as rejected:
        inspect(data, rules)
    assert rejected.value.detail
    return rejected.value.reason


def outcome_of(data: bytes, rules: ScreenRules) -> tuple[str, str]:
    try:
        inspect(data, rules)
    except RejectedItem as rejected:
        return str(rejected.reason), rejected.detail
    return "kept", ""


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def png_of(pixels: np.ndarray, bits: int, colour_type: int) -> bytes:
    """A PNG of the kinds that Pillow does not write: big-endian samples, no filter."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2" if bits == 16 else "u1").reshape(height, -1)
    stream = zlib.compress(b"".join(b"\x00" + row.tobytes() for row in rows))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)),
        (b"IDAT", stream),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_described(
    draw: Callable[..., Pixels], save: Callable[..., bytes], subsampling: str, progressive: bool
):
    data = save(draw(), quality=77, subsampling=subsampling, progressive=progressive)
    facts, coding = inspect(data, RULES)
    assert coding == jpeg_coding(data)
    assert facts.model_dump() == {
        "format": "JPEG",
        "width": 160,
        "height": 144,
        "orientation": 1,
        "rotation": 0,
        "subsampling": subsampling,
        "jpeg_tables": tables_digest(coding.tables),
        "phash": f"{phash(decode(data)):016x}",
    }


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_lossless_image_has_no_coding(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, options: dict[str, object]
):
    facts, coding = inspect(save(draw(), file_format, **options), RULES)
    assert coding is None
    assert (facts.format, facts.subsampling, facts.jpeg_tables) == (file_format, "", "")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_decides_the_orientation_and_the_sources_rotation_is_not_added(
    draw: Callable[..., Pixels], save: Callable[..., bytes], orientation: int
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(draw(), exif=exif)
    facts, _ = inspect(data, RULES, rotation=90)
    assert (facts.orientation, facts.rotation) == (orientation, 0)
    assert (facts.width, facts.height) == (160, 144)
    assert facts.phash == f"{phash(to_upright(decode(data), facts)):016x}"


@pytest.mark.parametrize("exif_orientation", [None, 1])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_sources_rotation_is_applied_where_exif_is_absent_or_upright(
    draw: Callable[..., Pixels], save: Callable[..., bytes], rotation: int, exif_orientation: int | None
):
    exif = Image.Exif()
    if exif_orientation:
        exif[0x0112] = exif_orientation
    facts, _ = inspect(save(draw(), exif=exif), RULES, rotation=rotation)
    assert (facts.orientation, facts.rotation) == (1, rotation)


def test_a_rotation_that_is_no_quarter_turn_is_an_error(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    with pytest.raises(ValueError, match="rotation 45"):
        inspect(save(draw()), RULES, rotation=45)


def test_a_page_called_jpg_is_no_image():
    assert reason_for(b"<html><head><title>404 Not Found</title></head></html>") is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_half_a_file_is_truncated(draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str):
    data = save(draw(), file_format, lossless=True) if file_format == "WEBP" else save(draw(), file_format)
    assert reason_for(data[: len(data) // 2]) is Reason.TRUNCATED


def test_a_broken_file_is_undecodable(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = bytearray(save(draw(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert reason_for(bytes(data)) is Reason.UNDECODABLE


def test_size_limits_come_from_the_rules(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = save(draw(160, 144))
    assert reason_for(data, ScreenRules(max_pixels=20_000)) is Reason.TOO_LARGE
    assert reason_for(data, ScreenRules(min_side=145)) is Reason.TOO_SMALL
    inspect(data, ScreenRules(min_side=144, max_pixels=160 * 144))


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animations_are_rejected(draw: Callable[..., Pixels], file_format: str):
    frames = [Image.fromarray(draw(seed=seed)) for seed in range(3)]
    data = saved(frames[0], file_format, save_all=True, append_images=frames[1:])
    assert reason_for(data) is Reason.ANIMATED


def test_several_pages_are_rejected(draw: Callable[..., Pixels]):
    pages = [Image.fromarray(draw(seed=seed)) for seed in range(2)]
    assert reason_for(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])) is Reason.ANIMATED


def test_a_jpeg_with_a_second_picture_behind_it_is_a_jpeg(draw: Callable[..., Pixels]):
    views = [Image.fromarray(draw(seed=seed)) for seed in range(2)]
    data = saved(views[0], "MPO", save_all=True, append_images=views[1:])
    facts, coding = inspect(data, RULES)
    assert facts.format == "JPEG"
    assert coding is not None


@pytest.mark.parametrize("file_format", ["GIF", "PNG"])
def test_palettes_are_rejected(draw: Callable[..., Pixels], file_format: str):
    assert reason_for(saved(Image.fromarray(draw()).convert("P"), file_format)) is Reason.PIXEL_FORMAT


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_alpha_is_rejected(draw: Callable[..., Pixels], file_format: str, options: dict[str, object]):
    image = Image.fromarray(draw()).convert("RGBA")
    image.putalpha(Image.fromarray(draw()[..., 0]))
    assert reason_for(saved(image, file_format, **options)) is Reason.PIXEL_FORMAT


def test_a_transparent_colour_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert reason_for(save(draw(), "PNG", transparency=(1, 2, 3))) is Reason.PIXEL_FORMAT


def test_16_bits_a_channel_are_rejected(draw: Callable[..., Pixels]):
    deep = draw().astype(np.uint16) * 257
    data = png_of(deep, 16, 2)
    with Image.open(BytesIO(data)) as image:
        assert image.mode == "RGB", "Pillow reduces it without a word"
    assert reason_for(data) is Reason.PIXEL_FORMAT
    assert reason_for(saved(Image.fromarray(deep[..., 0]), "PNG")) is Reason.PIXEL_FORMAT
    inspect(png_of(draw(), 8, 2), RULES)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
def test_grey_images_are_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str):
    assert reason_for(save(draw()[..., 0], file_format)) is Reason.GREYSCALE


def test_grey_in_three_channels_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert reason_for(save(np.repeat(draw()[..., :1], 3, axis=2), quality=80)) is Reason.GREYSCALE


def test_blank_and_near_uniform_images_are_rejected(save: Callable[..., bytes]):
    plain = np.full((96, 96, 3), (10, 90, 170), dtype=np.uint8)
    assert reason_for(save(plain)) is Reason.BLANK
    plain[40:50, 40:50] = (200, 10, 10)
    assert reason_for(save(plain, quality=95)) is Reason.NEAR_UNIFORM


def test_thresholds_come_from_the_rules(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    rules = ScreenRules(predicates=PredicateRules(grey_chroma=500))
    assert reason_for(save(draw()), rules) is Reason.GREYSCALE


@pytest.mark.parametrize("file_format", ["AVIF", "WEBP", "JPEG2000"])
def test_lossy_formats_other_than_jpeg_have_an_unknown_history(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str
):
    assert reason_for(save(draw(), file_format)) is Reason.UNKNOWN_HISTORY


def test_heic_has_an_unknown_history():
    assert reason_for(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic") is Reason.UNKNOWN_HISTORY


def test_a_jpeg_in_a_tiff_has_an_unknown_history(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert reason_for(save(draw(), "TIFF", compression="jpeg")) is Reason.UNKNOWN_HISTORY


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("BMP", {})])
def test_a_lossless_copy_of_a_jpeg_is_found_out(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, options: dict[str, object]
):
    decoded = decode(save(draw(), quality=85))
    assert reason_for(save(decoded, file_format, **options)) is Reason.HIDDEN_JPEG


def test_cmyk_and_samplings_that_cannot_be_written_are_rejected(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    cmyk = saved(Image.fromarray(draw()).convert("CMYK"), "JPEG")
    assert b"Adobe" in cmyk
    assert reason_for(cmyk) is Reason.SUBSAMPLING
    assert reason_for(save(draw(), keep_rgb=True)) is Reason.SUBSAMPLING
    data = save(draw(64, 64), subsampling="4:2:2")
    at = data.index(b"\xff\xc0") + 11
    assert reason_for(data[:at] + b"\x12" + data[at + 1 :]) is Reason.SUBSAMPLING  # 4:4:0


def test_a_profile_other_than_srgb_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"temp").replace(b"gXYZ", b"rXYZ").replace(b"temp", b"gXYZ")
    inspect(save(draw(), icc_profile=srgb), RULES)
    assert reason_for(save(draw(), icc_profile=swapped)) is Reason.COLOUR_PROFILE


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_files_are_described_or_rejected_and_nothing_else(
    draw: Callable[..., Pixels], save: Callable[..., bytes], data: st.DataObject
):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    file_format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF"]))
    damaged = bytearray(save(draw(72, 64), file_format, **({} if file_format == "GIF" else {"exif": exif})))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, min(len(damaged), 400) - 1))] = data.draw(st.integers(0, 255))
    outcome, detail = outcome_of(bytes(damaged), ScreenRules(max_pixels=1_000_000))
    assert outcome == "kept" or detail
    assert "0x" not in detail, "details are stored: no addresses"


def test_the_photographs_pass_or_have_a_reason(photographs: list[Path]):
    outcomes = [outcome_of(path.read_bytes(), RULES)[0] for path in photographs[::10]]
    assert set(outcomes) <= {"kept", "colour-profile", "greyscale", "subsampling"}
    assert outcomes.count("kept") > 0.8 * len(outcomes)
