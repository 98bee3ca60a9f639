from collections.abc import Callable

import numpy as np
import pytest

from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.jpeg_grid import has_jpeg_grid


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_finds_the_grid_of_a_jpeg_at_any_offset(
    draw: Callable[..., Pixels], save: Callable[..., bytes], quality: int, subsampling: str
):
    decoded = decode(save(draw(300, 260), quality=quality, subsampling=subsampling))
    assert has_jpeg_grid(decoded)
    assert has_jpeg_grid(decoded[3:, 5:])


def test_finds_nothing_in_what_was_never_coded(draw: Callable[..., Pixels]):
    for seed in range(10):
        assert not has_jpeg_grid(draw(300, 260, seed=seed))


@pytest.mark.parametrize("pixels", [(96, 96), (8, 8), (7, 200), (15, 15)])
def test_flat_and_tiny_images_cast_no_votes(pixels: tuple[int, int]):
    assert not has_jpeg_grid(np.full((*pixels, 3), 80, dtype=np.uint8))


def test_a_resized_jpeg_has_lost_its_grid(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    from pixels.resize import resize

    decoded = decode(save(draw(320, 320), quality=75))
    assert has_jpeg_grid(decoded)
    assert not has_jpeg_grid(resize(decoded, 144, "lanczos"))


def test_on_photographs_hardly_any_jpeg_is_missed_and_no_reduction_is_accused(
    reduced_photographs: list[Pixels], save: Callable[..., bytes]
):
    assert not any(has_jpeg_grid(picture) for picture in reduced_photographs)
    for quality in (50, 75, 95):
        found = [
            has_jpeg_grid(decode(save(picture, quality=quality, subsampling="4:2:0"))[2:, 6:])
            for picture in reduced_photographs
        ]
        assert np.mean(found) > 0.95
