"""Constant borders, and plain backgrounds that are none."""

import io

import numpy as np
import pytest
from PIL import Image

from audit.borders import has_constant_border
from audit.dead_leaves import DeadLeaves

PICTURE = DeadLeaves(0, 128).pixels


def bordered(rows: int, columns: int, level: int = 0) -> np.ndarray:
    picture = PICTURE.copy()
    picture[:rows] = picture[len(picture) - rows :] = level
    picture[:, :columns] = picture[:, len(picture) - columns :] = level
    return picture


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 0), (0, 1), (3, 3), (14, 0), (0, 25)])
@pytest.mark.parametrize("quality", [None, 75])
def test_rings_and_letterboxes_are_seen(rows: int, columns: int, quality: int | None):
    picture = bordered(rows, columns, 40)
    if quality:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=quality)
        picture = np.asarray(Image.open(stream))
    assert has_constant_border(picture)


def test_a_picture_without_a_border_has_none():
    assert not any(has_constant_border(DeadLeaves(number, 96).pixels) for number in range(20))


def test_a_plain_background_is_no_border():
    rng = np.random.default_rng(0)
    fade = np.minimum(np.arange(128), np.arange(128)[::-1])[:, None, None] / 64
    picture = np.rint(128 + fade * rng.normal(0, 40, (128, 128, 3))).clip(0, 255).astype(np.uint8)
    assert not has_constant_border(picture)
    assert not has_constant_border(np.full((64, 64, 3), 200, dtype=np.uint8))
    one_sided = PICTURE.copy()
    one_sided[:10] = 0
    assert not has_constant_border(one_sided)
