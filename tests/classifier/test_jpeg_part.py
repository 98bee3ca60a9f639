import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from classifier import decoding
from classifier.jpeg_part import Box, PartError, decode_part
from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.decode import MAX_SCANS, decode, open_image

GRAIN = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)


def encoded(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(GRAIN[:height, :width]).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.top : box.top + box.height, box.left : box.left + box.width]


def at(box: Box) -> Callable[[int, int], Box]:
    def wanted(_width: int, _height: int) -> Box:
        return box

    return wanted


@settings(max_examples=150)
@given(
    data=st.data(),
    width=st.integers(1, 100),
    height=st.integers(1, 100),
    options=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["RGB", "L"]),
            "quality": st.sampled_from([30, 75, 95]),
            "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
            "progressive": st.booleans(),
            "restart_marker_blocks": st.sampled_from([0, 3]),
        }
    ),
)
def test_any_part_of_any_jpeg_has_the_pixels_of_the_whole(
    data: st.DataObject, width: int, height: int, options: dict[str, object]
):
    jpeg = encoded(width, height, **options)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top)))
    assert (decode_part(jpeg, at(box)) == cut(decode(jpeg), box)).all()


def test_parts_of_photographs_have_the_pixels_of_the_whole(photographs: list[Path]):
    rng = np.random.default_rng(1)
    seen = 0
    for data in (path.read_bytes() for path in photographs):
        if open_image(data).mode != "RGB":
            continue
        whole = decode(data)
        height, width = whole.shape[:2]
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        box = Box(left, top, int(rng.integers(1, width - left + 1)), int(rng.integers(1, height - top + 1)))
        assert (decode_part(data, at(box)) == cut(whole, box)).all()
        seen += 1
    assert seen > 200


def test_threads_do_not_get_in_each_others_way():
    jpegs = [encoded(90, 90, quality=quality) for quality in range(40, 90)]
    box = Box(17, 33, 40, 20)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda jpeg: decode_part(jpeg, at(box)), jpegs * 4))
    assert all((part == cut(decode(jpeg), box)).all() for part, jpeg in zip(parts, jpegs * 4, strict=True))


@pytest.mark.parametrize(
    "box", [Box(0, 0, 61, 10), Box(50, 0, 11, 1), Box(-1, 0, 5, 5), Box(0, 0, 0, 5), Box(0, 45, 5, 6)]
)
def test_a_box_outside_the_image_is_refused(box: Box):
    with pytest.raises(PartError, match="of an image of 60 x 50 pixels"):
        decode_part(encoded(60, 50), at(box))


@pytest.mark.parametrize("data", [b"", b"not a JPEG", encoded(60, 50)[:300], encoded(60, 50)[:-900]])
def test_what_is_no_whole_jpeg_is_refused(data: bytes):
    with pytest.raises(PartError):
        decode_part(data, at(Box(0, 0, 60, 50)))


def endless() -> bytes:
    data = encoded(60, 50, progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * MAX_SCANS + data[-2:]


def enormous() -> bytes:
    data = encoded(60, 50)
    height = data.index(b"\xff\xc0") + 5
    return data[:height] + b"\xff\x00" * 2 + data[height + 4 :]


@pytest.mark.parametrize(("data", "why"), [(endless(), "more than 100 scans"), (enormous(), "65280 x 65280 pixels")])
def test_what_would_take_too_long_is_refused_before_it_is_decoded(data: bytes, why: str):
    with pytest.raises(PartError, match=why):
        decode_part(data, at(Box(3, 7, 30, 21)))
    with pytest.raises(RejectedItem) as given:
        decoding.decode(data, at(Box(3, 7, 30, 21)))
    assert given.value.reason is Reason.TOO_LARGE


def part_of(width: int, height: int) -> Box:
    assert (width, height) == (60, 50)
    return Box(3, 7, 30, 21)


@pytest.mark.parametrize("has_library", [True, False])
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("L", "JPEG"), ("RGB", "PNG"), ("RGB", "WEBP")])
def test_the_wanted_part_is_decoded_whatever_the_image_and_the_machine(
    mode: str, kind: str, has_library: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoding, "is_available", lambda: has_library)
    buffer = io.BytesIO()
    Image.fromarray(GRAIN[:50, :60]).convert(mode).save(buffer, kind)
    data = buffer.getvalue()
    assert (decoding.decode(data, part_of) == cut(decode(data), part_of(60, 50))).all()


def test_what_the_library_refuses_is_explained_by_the_usual_decoder():
    with pytest.raises(RejectedItem, match="truncated"):
        decoding.decode(encoded(60, 50)[:-900], part_of)
