import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pages.app import pictures


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def decoded(uri: str | None) -> Image.Image:
    assert uri is not None
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def bomb(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


BLACK, GREY = np.zeros((20, 30, 3), np.uint8), np.full((20, 30, 3), 40, np.uint8)


def test_the_difference_is_absolute_amplified_and_clipped():
    assert np.all(pictures.absolute_difference(BLACK, GREY, 1) == 40)
    assert np.all(pictures.absolute_difference(GREY, BLACK, 4) == 160)
    assert np.all(pictures.absolute_difference(GREY, BLACK, 16) == 255)
    assert np.array(decoded(pictures.difference(encoded(BLACK), encoded(GREY), 2)))[3, 4].tolist() == [80, 80, 80]
    assert pictures.mean_difference(encoded(BLACK), encoded(GREY)) == 40


def test_images_of_two_sizes_have_no_difference():
    assert pictures.difference(encoded(BLACK), encoded(GREY[:10]), 1) is None
    assert pictures.mean_difference(encoded(BLACK), encoded(GREY[:10])) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_small_image_is_shown_as_its_own_bytes(kind: str):
    data = encoded(GREY, kind)
    for uri in (pictures.whole(data), pictures.reduced(data)):
        assert uri is not None
        assert uri.startswith(f"data:image/{kind.lower()};base64,")
        assert base64.b64decode(uri.partition(",")[2]) == data
    assert pictures.size(data) == (30, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_large_image_is_reduced_for_a_list(kind: str):
    data = encoded(np.full((600, 900, 3), 200, np.uint8), kind)
    small = decoded(pictures.reduced(data))
    assert max(small.size) == pictures.LIST_SIDE
    assert abs(small.width / small.height - 1.5) < 0.02
    assert decoded(pictures.whole(data)).size == (900, 600)


@pytest.mark.parametrize(
    "data", [b"", b"<svg onload=alert(1)>", encoded(GREY)[:40], encoded(GREY, "GIF"), bomb(60_000)]
)
def test_what_is_no_image_for_a_page_is_none(data: bytes):
    assert pictures.whole(data) is None
    assert pictures.difference(data, encoded(BLACK), 1) is None or data.startswith(b"GIF")


def test_broken_images_have_no_thumbnail():
    for data in (b"", b"<svg>", encoded(GREY)[:40], bomb(60_000), encoded(np.zeros((600, 600, 3), np.uint8))[:300]):
        assert pictures.reduced(data) is None
