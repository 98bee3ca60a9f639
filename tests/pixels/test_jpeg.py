from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests.errors import RejectedItem
from manifests.records import JpegCoding, Reason
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.jpeg import jpeg_coding, mcu_size, recode, tables_digest

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


def rejected_coding(data: bytes) -> RejectedItem:
    with pytest.raises(RejectedItem) as rejected:
        jpeg_coding(data)
    return rejected.value


def with_sampling(data: bytes, luma: int) -> bytes:
    """Patch the sampling factors of the first component: 0xHV, blocks across and down."""
    at = data.index(b"\xff\xc0") + 11
    return data[:at] + bytes([luma]) + data[at + 1 :]


@pytest.mark.parametrize(("subsampling", "mcu"), [("4:4:4", (8, 8)), ("4:2:2", (16, 8)), ("4:2:0", (16, 16))])
def test_reads_tables_subsampling_and_mcu(
    draw: Callable[..., Pixels], save: Callable[..., bytes], subsampling: str, mcu: tuple[int, int]
):
    data = save(draw(), quality=83, subsampling=subsampling)
    coding = jpeg_coding(data)
    with Image.open(BytesIO(data)) as image:
        assert [list(table) for table in coding.tables] == [image.quantization[0], image.quantization[1]]
    assert coding.subsampling == subsampling
    assert mcu_size(coding) == mcu


def test_a_lossless_image_has_no_blocks():
    assert mcu_size(None) == (1, 1)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
def test_recoding_is_what_the_photographs_own_encoder_did(
    draw: Callable[..., Pixels], save: Callable[..., bytes], quality: int, subsampling: str
):
    picture = draw()
    data = save(picture, quality=quality, subsampling=subsampling)
    assert np.array_equal(recode(picture, jpeg_coding(data)), decode(data))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(steps=st.lists(st.integers(1, 255), min_size=192, max_size=192), subsampling=st.sampled_from(SUBSAMPLINGS))
def test_any_tables_of_8_bits_can_be_read_and_repeated(
    draw: Callable[..., Pixels], save: Callable[..., bytes], steps: list[int], subsampling: str
):
    picture = draw(64, 48)
    tables = [steps[:64], steps[64:128], steps[128:]]
    data = save(picture, qtables=tables, subsampling=subsampling)
    coding = jpeg_coding(data)
    assert [list(table) for table in coding.tables] == (tables if tables[1] != tables[2] else tables[:2])
    assert np.array_equal(recode(picture, coding), decode(data))


def test_one_table_for_all_components_is_repeated(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    picture = draw()
    data = save(picture, qtables=[list(range(1, 65))], subsampling="4:2:0")
    assert np.array_equal(recode(picture, jpeg_coding(data)), decode(data))


def test_table_numbers_come_from_the_layers(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    """Swap the numbers of the two tables, in their definitions and in the layers: the same picture, the same coding."""
    data = bytearray(save(draw(), quality=60))
    first = data.index(b"\xff\xdb") + 4
    second = data.index(b"\xff\xdb", first) + 4
    frame = data.index(b"\xff\xc0")
    data[first], data[second] = 1, 0
    for layer in range(3):
        data[frame + 12 + 3 * layer] ^= 1
    assert np.array_equal(decode(bytes(data)), decode(save(draw(), quality=60)))
    assert jpeg_coding(bytes(data)) == jpeg_coding(save(draw(), quality=60))


@pytest.mark.parametrize(
    ("name", "written_as", "luma"), [("4:4:0", "4:2:2", 0x12), ("4:1:1", "4:2:0", 0x41), ("4:4:1", "4:2:0", 0x14)]
)
def test_samplings_that_the_encoder_cannot_write_are_rejected(
    draw: Callable[..., Pixels], save: Callable[..., bytes], name: str, written_as: str, luma: int
):
    data = with_sampling(save(draw(64, 64), subsampling=written_as), luma)
    assert decode(data).shape == (64, 64, 3), f"{name} is a valid JPEG"
    rejected = rejected_coding(data)
    assert rejected.reason is Reason.SUBSAMPLING
    assert f"{luma >> 4}x{luma & 15}" in rejected.detail


def test_rgb_without_a_colour_transform_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert rejected_coding(save(draw(), keep_rgb=True)).reason is Reason.SUBSAMPLING


def test_adobes_marker_with_the_usual_transform_is_no_reason_to_reject(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    data = save(draw(), quality=80)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
    jfif_ends = data.index(b"\xff\xe0") + 18
    ycc = data[:2] + adobe + b"\x01" + data[jfif_ends:]
    rgb = data[:2] + adobe + b"\x00" + data[jfif_ends:]
    assert jpeg_coding(ycc) == jpeg_coding(data)
    assert rejected_coding(rgb).reason is Reason.SUBSAMPLING


def test_cmyk_and_grey_are_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    cmyk = BytesIO()
    Image.fromarray(draw()).convert("CMYK").save(cmyk, "JPEG")
    assert rejected_coding(cmyk.getvalue()).reason is Reason.SUBSAMPLING
    assert rejected_coding(save(draw()[..., 0])).reason is Reason.SUBSAMPLING


def test_a_missing_table_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = bytearray(save(draw()))
    data[data.index(b"\xff\xc0") + 12] = 3
    assert rejected_coding(bytes(data)).reason is Reason.SUBSAMPLING


def test_a_step_of_zero_is_rejected(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    data = bytearray(save(draw()))
    data[data.index(b"\xff\xdb") + 5] = 0
    assert rejected_coding(bytes(data)).reason is Reason.SUBSAMPLING


def test_what_is_no_jpeg_has_no_coding(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert rejected_coding(save(draw(), "PNG")).reason is Reason.UNKNOWN_HISTORY


def test_noise_at_the_finest_tables_fits_the_encoders_buffer():
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    coding = JpegCoding(tables=((1,) * 64, (1,) * 64), subsampling="4:4:4")
    assert np.abs(recode(noise, coding).astype(int) - noise).max() < 8


def test_the_digest_names_the_tables(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    digests = {tables_digest(jpeg_coding(save(draw(), quality=quality)).tables) for quality in range(50, 60)}
    assert len(digests) == 10
    assert all(len(digest) == 16 for digest in digests)
    assert tables_digest([[1, 23]]) != tables_digest([[12, 3]]) != tables_digest([[12], [3]])


def test_every_photograph_can_be_repeated_from_its_own_pixels(photographs: list[Path]):
    """Coding again what was coded once, with its own tables on its own grid, changes next to nothing."""
    changes = []
    for path in photographs[::12]:
        with Image.open(path) as image:
            if image.mode != "RGB":
                continue
        pixels = decode(path.read_bytes())
        changes.append((recode(pixels, jpeg_coding(path.read_bytes())) != pixels).mean())
    assert len(changes) > 10
    assert np.median(changes) < 0.1
