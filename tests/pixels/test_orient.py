from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from manifests.records import ImageFacts
from pixels.arrays import Pixels
from pixels.orient import to_stored, to_upright


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_every_viewer_shows(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], orientation: int
):
    stored = draw(40, 24)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    Image.fromarray(stored).save(buffer, "PNG", exif=exif)
    shown = np.array(ImageOps.exif_transpose(Image.open(buffer)))
    assert np.array_equal(to_upright(stored, facts_of(stored, orientation=orientation)), shown)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_counter_clockwise(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], rotation: int):
    stored = draw(40, 24)
    turned = np.array(Image.fromarray(stored).rotate(rotation, expand=True))
    assert np.array_equal(to_upright(stored, facts_of(stored, rotation=rotation)), turned)


@pytest.mark.parametrize(
    "facts",
    [
        *(ImageFacts(format="JPEG", width=40, height=24, orientation=number) for number in range(1, 9)),
        *(ImageFacts(format="JPEG", width=40, height=24, rotation=degrees) for degrees in (90, 180, 270)),
    ],
)
def test_stored_undoes_upright(draw: Callable[..., Pixels], facts: ImageFacts):
    stored = draw(40, 24)
    assert np.array_equal(to_stored(to_upright(stored, facts), facts), stored)
