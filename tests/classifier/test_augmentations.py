from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from classifier.augmentations.affine import Affine, AffineConfig
from classifier.augmentations.blending import Blend
from classifier.augmentations.colour import Colour, ColourConfig
from classifier.augmentations.cutout import Cutout, CutoutConfig
from classifier.augmentations.degradation import Blur, BlurConfig, Noise, NoiseConfig, Resample, ResampleConfig
from classifier.augmentations.recoding import Pass, RecodeConfig
from pixels.dct import dct_matrix


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth picture, (48, 48, 3), whose left and right, top and bottom differ."""
    rows, columns = np.mgrid[:48, :48]
    return np.stack([rows * 5, columns * 5, (rows + columns) * 2], axis=2).astype(np.uint8)


def deviation(pixels: np.ndarray, others: np.ndarray) -> float:
    return float(np.abs(pixels.astype(float) - others).mean())


def test_nothing_drawn_changes_nothing(picture: np.ndarray):
    for step in (Affine(), Colour(), Resample(1.0, "lanczos", "bicubic")):
        assert (step.apply(picture) == picture).all(), step


def test_a_quarter_turn_is_numpys(picture: np.ndarray):
    assert deviation(Affine(rotation=90).apply(picture), np.rot90(picture)) < 0.01


def test_a_shift_and_a_scale_go_where_they_say(picture: np.ndarray):
    shifted = Affine(across=0.25, down=-0.125).apply(picture)
    assert (shifted[:42, 12:] == picture[6:, :36]).all()
    enlarged = Affine(scale=2).apply(picture)
    assert (
        deviation(enlarged[4:-4, 4:-4, 0], np.repeat(picture[12:36, 12:36, 0], 2, axis=0).repeat(2, axis=1)[4:-4, 4:-4])
        < 2
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_affine_map_brings_in_black(seed: int):
    config = AffineConfig(rotation=180, translate=0.5, scale=(0.3, 3), shear=45)
    white = np.full((24, 24, 3), 255, np.uint8)
    assert (config.draw(np.random.default_rng(seed)).apply(white) == 255).all()


def test_colours_change_as_named(picture: np.ndarray):
    assert deviation(Colour(brightness=0.5).apply(picture), picture / 2) < 1
    grey = Colour(saturation=0).apply(picture)
    assert (grey[..., 0] == grey[..., 2]).all()
    flat = Colour(contrast=0.1).apply(picture)
    assert flat.std() < 0.2 * picture.std()
    red = np.full((8, 8, 3), (200, 0, 0), np.uint8)
    assert Colour(hue=1 / 3).apply(red)[0, 0].argmax() == 1
    assert Colour(hue=-1 / 3).apply(red)[0, 0].argmax() == 2


def test_blur_noise_and_resampling_do_what_they_say():
    grain = np.random.default_rng(0).integers(64, 192, (48, 48, 3), dtype=np.uint8)
    assert Blur(2).apply(grain).std() < 0.3 * grain.std()
    assert Resample(0.25, "box", "bilinear").apply(grain).std() < 0.4 * grain.std()
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = Noise(5, seed=1).apply(grey)
    assert noisy.std() == pytest.approx(5, rel=0.05)
    assert (noisy == Noise(5, seed=1).apply(grey)).all()
    assert (noisy != Noise(5, seed=2).apply(grey)).any()


@pytest.mark.parametrize(
    "coding", [Pass(40), Pass(40, across=3, down=5), Pass(40, "WEBP"), Pass(40, subsampling="4:4:4")]
)
def test_a_pass_loses_something_but_not_the_picture(picture: np.ndarray, coding: Pass):
    once = coding.apply(picture)
    assert once.shape == picture.shape
    assert 0 < deviation(once, picture) < 6


def test_a_shifted_grid_is_another_coding(picture: np.ndarray):
    assert (Pass(40).apply(picture) != Pass(40, across=3, down=5).apply(picture)).any()


def test_recoding_draws_all_that_its_settings_allow():
    config = RecodeConfig(passes=(1, 3), quality=(70, 72), webp=0.5, webp_quality=(50, 51))
    drawn = [config.draw(np.random.default_rng(seed)).passes for seed in range(300)]
    assert {len(passes) for passes in drawn} == {1, 2, 3}
    each = [one for passes in drawn for one in passes]
    assert {one.quality for one in each if one.format == "JPEG"} == {70, 71, 72}
    assert {one.quality for one in each if one.format == "WEBP"} == {50, 51}
    assert {one.subsampling for one in each} == {"4:4:4", "4:2:2", "4:2:0"}
    assert {one.across for one in each} == set(range(8))
    still = RecodeConfig(shift_grid=False).draw(np.random.default_rng(0))
    assert {(one.across, one.down) for one in still.passes} == {(0, 0)}


@given(seed=st.integers(0, 2**32 - 1), side=st.integers(8, 64))
def test_cutout_paints_one_rectangle_of_about_its_area(seed: int, side: int):
    config = CutoutConfig(area=(0.1, 0.3))
    painted = config.draw(np.random.default_rng(seed)).apply(np.zeros((side, side, 3), np.uint8))
    rows, columns = np.nonzero(painted[..., 0])
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert len(rows) == height * width
    assert 0.05 < len(rows) / side**2 < 0.4


def test_cutout_reaches_the_corners():
    image = np.zeros((16, 16, 3), np.uint8)
    assert Cutout(0, 0, 0.25, 0.25).apply(image)[0, 0, 0] == 128
    assert Cutout(0.999, 0.999, 0.25, 0.25).apply(image)[-1, -1, 0] == 128
    assert image.sum() == 0


@pytest.mark.parametrize("mode", ["pixels", "frequencies"])
def test_a_blend_lies_between_its_fake_and_its_real(mode: str):
    real, fake = (np.random.default_rng(seed).integers(60, 196, (32, 32, 3), dtype=np.uint8) for seed in range(2))
    assert (Blend(mode, 0).apply(real, fake) == fake).all()
    assert (Blend(mode, 0.5).apply(real, real) == real).all()
    distances = [deviation(Blend(mode, share).apply(real, fake), real) for share in (0, 0.3, 0.6, 0.9)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == deviation(fake, real)


def test_a_blend_of_frequencies_has_the_lows_of_the_fake_and_the_highs_of_the_real():
    real, fake = (np.random.default_rng(seed).integers(100, 156, (32, 32, 3), dtype=np.uint8) for seed in range(2))
    blend = Blend("frequencies", 0.5).apply(real, fake)
    matrix = dct_matrix(32)
    of_blend, of_real, of_fake = (matrix @ image[..., 0].astype(np.float32) @ matrix.T for image in (blend, real, fake))
    assert np.abs(of_blend - of_fake)[:16, :16].max() < 2
    assert np.abs(of_blend - of_real)[16:, 16:].max() < 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: BlurConfig(sigma=(2.0, 1.0)),
        lambda: RecodeConfig(quality=(90, 60)),
        lambda: RecodeConfig(quality=(0, 60)),
        lambda: ResampleConfig(scale=(0.0, 1.0)),
        lambda: ResampleConfig(kernels=()),
        lambda: NoiseConfig(probability=0.0),
        lambda: CutoutConfig(area=(0.2, 1.2)),
        lambda: ColourConfig(hue=0.7),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: Callable[[], object]):
    with pytest.raises(ValidationError):
        wrong()
