from collections.abc import Callable

import pytest
from PIL import Image

from pixels.arrays import Pixels
from pixels.decode import load, open_image
from pixels.exif import read_exif

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'


def orientation_in(data: bytes) -> int:
    image = open_image(data)
    load(image)
    return read_exif(image).orientation


def exif_with(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_reads_the_orientation(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str, orientation: int
):
    assert orientation_in(save(draw(), file_format, exif=exif_with(orientation))) == orientation


def test_no_exif_and_an_orientation_that_means_nothing_count_as_upright(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    assert orientation_in(save(draw())) == 1
    assert orientation_in(save(draw(), exif=exif_with(0))) == 1
    assert orientation_in(save(draw(), exif=exif_with(9))) == 1


def test_xmp_is_asked_where_exif_says_nothing(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    assert orientation_in(save(draw(), xmp=XMP)) == 8
    assert orientation_in(save(draw(), xmp=XMP, exif=exif_with(3))) == 3


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_counts_as_none(draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str):
    assert orientation_in(save(draw(), file_format, exif=b"Exif\x00\x00no TIFF header")) == 1
