from collections.abc import Callable

import pytest

from pixels.arrays import Pixels
from pixels.webp import read_webp_header

EXIF = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("lossless", [False, True])
def test_reads_size_and_kind(draw: Callable[..., Pixels], save: Callable[..., bytes], lossless: bool, extended: bool):
    data = save(draw(160, 144), "WEBP", lossless=lossless, exif=EXIF if extended else b"")
    assert (b"VP8X" in data) is extended
    header = read_webp_header(data)
    assert (header.width, header.height, header.lossless, header.animated) == (160, 144, lossless, False)


def test_knows_an_animation(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    from PIL import Image

    frames = [Image.fromarray(draw(seed=seed)) for seed in range(2)]
    data = save(draw(seed=2), "WEBP", save_all=True, append_images=frames, lossless=True)
    assert read_webp_header(data).animated


def test_refuses_a_container_without_a_picture():
    with pytest.raises(ValueError, match="no VP8"):
        read_webp_header(b"RIFF\x08\x00\x00\x00WEBPEXIF\x00\x00\x00\x00")
