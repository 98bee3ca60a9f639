import io

import numpy as np
import pytest
from PIL import Image

from classifier.perturbations import GRID, Perturbation

BY_NAME = {kind.name: kind for kind in GRID}


def picture(side: int = 64) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def test_the_grid_has_what_it_is_meant_to_have():
    families = {kind.family for kind in GRID}
    assert {kind.level for kind in GRID if kind.family == "JPEG quality"} == {95, 90, 85, 75, 60, 50, 40, 30}
    assert {kind.level for kind in GRID if kind.family == "resize factor"} == {0.25, 0.5, 0.75, 1.25, 1.5}
    assert {"chain of 3", "chain of 5", "WebP 50"} <= set(BY_NAME)
    assert len(families) == 7
    assert len(BY_NAME) == len(GRID)


@pytest.mark.parametrize("kind", GRID, ids=lambda kind: kind.name)
def test_images_of_a_group_go_through_the_same_and_are_changed(kind: Perturbation):
    pixels = picture()
    before = pixels.copy()
    processed = kind.apply(pixels, "a")
    assert (processed == kind.apply(before, "a")).all()
    assert (pixels == before).all()
    assert processed.dtype == np.uint8
    assert processed.shape != pixels.shape or (processed != pixels).any()


@pytest.mark.parametrize("name", ["noise 5", "crop 0.5", "chain of 3"])
def test_another_group_has_other_draws(name: str):
    first, second = (BY_NAME[name].apply(picture(), group) for group in "ab")
    assert first.shape != second.shape or (first != second).any()


def test_sizes_and_strengths_are_as_named():
    pixels = picture()
    assert BY_NAME["resize 1.5"].apply(pixels, "a").shape == (96, 96, 3)
    assert BY_NAME["crop 0.75"].apply(pixels, "a").shape == (48, 48, 3)
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert (BY_NAME["noise 5"].apply(grey, "a").astype(float) - 128).std() == pytest.approx(5, rel=0.05)


def test_a_jpeg_pass_is_pillows():
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "JPEG", quality=75, subsampling="4:2:0")
    assert (BY_NAME["JPEG 75"].apply(picture(), "a") == np.asarray(Image.open(buffer))).all()
