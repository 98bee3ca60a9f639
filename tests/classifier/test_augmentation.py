from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.augmentation import Draw, apply, draw
from classifier.augmentations.affine import AffineConfig
from classifier.augmentations.blending import BlendConfig
from classifier.augmentations.colour import ColourConfig
from classifier.augmentations.config import AugmentationConfig
from classifier.augmentations.cutout import CutoutConfig
from classifier.augmentations.degradation import BlurConfig, NoiseConfig, ResampleConfig
from classifier.augmentations.recoding import RecodeConfig
from classifier.transforms import Place, Preprocessing

shares = st.floats(0, 1, exclude_max=True)
CROP = Preprocessing(16)
EVERYTHING = AugmentationConfig(
    crop_scale=(0.5, 1.0),
    blend=BlendConfig(probability=1),
    affine=AffineConfig(probability=1, translate=0.1, scale=(0.8, 1.25), shear=10),
    colour=ColourConfig(probability=1),
    blur=BlurConfig(probability=1),
    resample=ResampleConfig(probability=1),
    noise=NoiseConfig(probability=1),
    recode=RecodeConfig(probability=1, passes=(1, 3), webp=0.5),
    cutout=CutoutConfig(probability=1),
)


def coordinates(height: int, width: int) -> np.ndarray:
    """An image whose pixels say where they are."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2)


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def cut_and_apply(drawn: Draw, images: dict[str, np.ndarray], view: Preprocessing = CROP) -> dict[str, np.ndarray]:
    return apply(drawn, {name: view.window(image, drawn.place) for name, image in images.items()})


@given(
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 100),
    pair_id=st.text(min_size=1, max_size=20),
    height=st.integers(16, 40),
    width=st.integers(16, 40),
)
def test_members_of_a_pair_get_the_same_window_and_flip(seed: int, epoch: int, pair_id: str, height: int, width: int):
    real = coordinates(height, width)
    windows = cut_and_apply(draw(AugmentationConfig(), seed, epoch, pair_id), {"real": real, "sd": 255 - real})
    assert windows["real"].shape == (16, 16, 3)
    assert (windows["sd"] == 255 - windows["real"]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 100), fit=st.sampled_from(["crop", "resize"]))
def test_equal_members_stay_equal_whatever_is_done_to_them(seed: int, epoch: int, fit: str):
    image = noise(40)
    view = Preprocessing(32, fit, 36)
    drawn = draw(EVERYTHING, seed, epoch, "a")
    windows = cut_and_apply(drawn, {"real": image, "sd": image.copy(), "vae": image.copy()}, view)
    assert list(windows) == ["real", "sd", "vae"]
    for window in windows.values():
        assert window.shape == (32, 32, 3)
        assert window.dtype == np.uint8
        assert window.flags.c_contiguous
        assert (window == windows["real"]).all()
    assert drawn == draw(EVERYTHING, seed, epoch, "a")
    assert drawn != draw(EVERYTHING, seed, epoch, "b")


@given(across=shares, down=shares, height=st.integers(16, 40), width=st.integers(16, 40), flip=st.booleans())
def test_a_window_is_a_piece_of_the_image_unchanged(across: float, down: float, height: int, width: int, *, flip: bool):
    window = cut_and_apply(Draw(Place(across, down), flip), {"real": coordinates(height, width)})["real"]
    rows, columns = window[:, :, 0].astype(int), window[:, :, 1].astype(int)
    assert (np.diff(rows, axis=0) == 1).all()
    assert (np.diff(columns, axis=1) == (-1 if flip else 1)).all()
    assert rows.max() < height
    assert columns.max() < width


def test_all_windows_and_both_flips_occur_and_epochs_differ():
    config = AugmentationConfig()
    image = coordinates(18, 18)
    windows = [cut_and_apply(draw(config, 0, epoch, "a"), {"real": image})["real"] for epoch in range(400)]
    seen = {(int(window[0, 0, 0]), int(window[0, :, 1].min()), window[0, 0, 1] > window[0, 1, 1]) for window in windows}
    assert seen == set(product(range(3), range(3), (True, False)))


def test_switched_off_it_is_the_central_window():
    config = AugmentationConfig(random_crop=False, flip=0)
    image = coordinates(20, 24)
    for epoch in range(5):
        assert (cut_and_apply(draw(config, 0, epoch, "a"), {"real": image})["real"] == CROP.window(image)).all()


def test_a_step_does_not_change_what_another_draws():
    blurred = AugmentationConfig(blur=BlurConfig(probability=1))
    also_noisy = blurred.model_copy(update={"noise": NoiseConfig(probability=1)})
    for epoch in range(10):
        alone, both = draw(blurred, 0, epoch, "a"), draw(also_noisy, 0, epoch, "a")
        assert both.steps[0] == alone.steps[0]
        assert (both.place, both.flip) == (alone.place, alone.flip)


def test_a_step_is_taken_as_often_as_its_probability_says():
    config = AugmentationConfig(blur=BlurConfig(probability=0.3), blend=BlendConfig(probability=0.6))
    drawn = [draw(config, 0, epoch, "a") for epoch in range(500)]
    assert sum(bool(one.steps) for one in drawn) / 500 == pytest.approx(0.3, abs=0.07)
    assert sum(one.blend is not None for one in drawn) / 500 == pytest.approx(0.6, abs=0.07)


def test_fakes_are_blended_with_their_own_real_and_the_real_is_left_alone():
    config = AugmentationConfig(random_crop=False, flip=0, blend=BlendConfig(probability=1, share=(0.5, 0.5)))
    real = noise(16)
    windows = cut_and_apply(draw(config, 0, 0, "a"), {"real": real, "sd": 255 - real})
    assert (windows["real"] == real).all()
    distance = np.abs(windows["sd"].astype(int) - real).mean()
    assert 0 < distance < np.abs(255 - real.astype(int) - real).mean()
    alone = cut_and_apply(draw(config, 0, 0, "a"), {"sd": 255 - real})
    assert (alone["sd"] == 255 - real).all()
