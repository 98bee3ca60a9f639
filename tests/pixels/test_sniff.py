from collections.abc import Callable

import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.sniff import sniff


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_names_what_an_encoder_wrote(draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str):
    assert sniff(save(draw(), file_format)) == file_format


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "HEIF"),
        (b"\xff\x0a\x00\x00", "JPEG-XL"),
    ],
)
def test_names_formats_that_are_known_by_their_first_bytes_alone(data: bytes, name: str):
    assert sniff(data) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypisom",
        b"%PDF-1.7",
        b"\xff\xd8",
    ],
)
def test_anything_else_is_no_image(data: bytes):
    with pytest.raises(RejectedItem) as rejected:
        sniff(data)
    assert rejected.value.reason is Reason.NOT_AN_IMAGE


def test_an_empty_file_is_called_so():
    with pytest.raises(RejectedItem, match="not-an-image: the file is empty"):
        sniff(b"")
