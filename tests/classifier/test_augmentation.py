from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.augmentation import Draw, apply, centre, draw
from classifier.config import AugmentationConfig
from manifests.errors import DatasetError

shares = st.floats(0, 1, exclude_max=True)


def coordinates(height: int, width: int) -> np.ndarray:
    """An image whose pixels say where they are."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2)


@given(
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 100),
    pair_id=st.text(min_size=1, max_size=20),
    height=st.integers(16, 40),
    width=st.integers(16, 40),
)
def test_members_of_a_pair_get_the_same_window_and_flip(seed: int, epoch: int, pair_id: str, height: int, width: int):
    config = AugmentationConfig()
    real = coordinates(height, width)
    fake = 255 - real
    of_real = apply(draw(config, seed, epoch, pair_id), real, 16)
    of_fake = apply(draw(config, seed, epoch, pair_id), fake, 16)
    assert of_real.shape == (16, 16, 3)
    assert (of_fake == 255 - of_real).all()


@given(across=shares, down=shares, height=st.integers(16, 40), width=st.integers(16, 40), flip=st.booleans())
def test_a_window_is_a_piece_of_the_image_unchanged(across: float, down: float, height: int, width: int, *, flip: bool):
    window = apply(Draw(across, down, flip=flip), coordinates(height, width), 16)
    rows, columns = window[:, :, 0].astype(int), window[:, :, 1].astype(int)
    assert (np.diff(rows, axis=0) == 1).all()
    assert (np.diff(columns, axis=1) == (-1 if flip else 1)).all()
    assert rows.max() < height
    assert columns.max() < width


def test_all_windows_and_both_flips_occur_and_epochs_differ():
    config = AugmentationConfig()
    image = coordinates(18, 18)
    windows = [apply(draw(config, 0, epoch, "a"), image, 16) for epoch in range(400)]
    seen = {(int(window[0, 0, 0]), int(window[0, :, 1].min()), window[0, 0, 1] > window[0, 1, 1]) for window in windows}
    assert seen == set(product(range(3), range(3), (True, False)))


def test_switched_off_it_is_the_central_window():
    config = AugmentationConfig(random_crop=False, flip=0)
    image = coordinates(20, 24)
    for epoch in range(5):
        assert (apply(draw(config, 0, epoch, "a"), image, 16) == centre(image, 16)).all()
    assert centre(image, 16)[0, 0].tolist() == [2, 4, 0]


def test_the_jpeg_pass_is_drawn_for_the_pair():
    always = AugmentationConfig(jpeg=1, jpeg_quality=(40, 60))
    drawn = [draw(always, 0, epoch, "a") for epoch in range(200)]
    assert {one.jpeg_quality for one in drawn} == set(range(40, 61))
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    once = apply(drawn[0], noise, 16)
    assert once.shape == (16, 16, 3)
    assert (once != apply(Draw(drawn[0].across, drawn[0].down, flip=drawn[0].flip), noise, 16)).any()
    assert draw(AugmentationConfig(), 0, 0, "a").jpeg_quality is None


def test_a_small_image_is_an_error_that_says_what_to_set():
    with pytest.raises(DatasetError, match="set image_size to 15 or less"):
        centre(coordinates(15, 30), 16)
