"""Pixel statistics: finite and named alike for every size, and each seen to answer to what it is meant for."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from audit.features import SMALLEST_SIDE, matrix, pixel_features, thumbnail


def smooth_picture(height: int = 96, width: int = 96, seed: int = 0, noise: float = 3.0):
    """A picture with structure at every scale, a little noise, and no history."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for side in (3, 6, 12, 24):
        coarse = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        picture += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float) / 4
    return (picture + rng.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)


def through_jpeg(pixels: np.ndarray, quality: int, subsampling: str = "4:4:4"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(stream))


NAMES = tuple(pixel_features(smooth_picture()))


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(SMALLEST_SIDE, 90),
    width=st.integers(SMALLEST_SIDE, 90),
    kind=st.sampled_from(["black", "white", "noise", "ramp"]),
)
def test_features_are_finite_and_named_alike_for_every_image(height: int, width: int, kind: str):
    pixels = {
        "black": lambda: np.zeros((height, width, 3)),
        "white": lambda: np.full((height, width, 3), 255),
        "noise": lambda: np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, 3)),
        "ramp": lambda: np.broadcast_to(np.arange(width)[None, :, None], (height, width, 3)),
    }[kind]().astype(np.uint8)
    features = pixel_features(pixels)
    assert tuple(features) == NAMES
    assert np.isfinite(list(features.values())).all()


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (SMALLEST_SIDE - 1, 64, 3)])
def test_what_is_not_an_rgb_image_is_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="expected uint8"):
        pixel_features(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("shift", range(8))
def test_the_strongest_grid_phase_follows_the_crop(shift: int):
    coded = through_jpeg(smooth_picture(160, 160), 30)
    features = pixel_features(np.ascontiguousarray(coded[16:, 16 - shift : -shift or None]))
    columns = [features[f"grid_column_{phase}"] for phase in range(8)]
    rows = [features[f"grid_row_{phase}"] for phase in range(8)]
    assert int(np.argmax(columns)) == shift
    assert int(np.argmax(rows)) == 0


def test_subsampled_chroma_shows_in_its_parity():
    full = pixel_features(through_jpeg(smooth_picture(), 95, "4:4:4"))
    halved = pixel_features(np.repeat(np.repeat(smooth_picture()[::2, ::2], 2, axis=0), 2, axis=1))
    assert abs(full["parity_cb_columns"]) < 0.1
    assert halved["parity_cb_columns"] < -0.5
    assert halved["parity_cr_rows"] < -0.5


def test_an_earlier_quantisation_shows_as_a_period():
    coded = through_jpeg(smooth_picture(256, 256), 50)
    plain = pixel_features(smooth_picture(256, 256))
    # quality 50 quantises the coefficients (0, 1), (1, 0) and (2, 0) by 11, 12 and 14
    traced = pixel_features(through_jpeg(coded, 98))
    assert traced["dct_period_low_12"] > 3 * plain["dct_period_low_12"]


def test_enlargement_shows_as_a_resampling_peak():
    picture = smooth_picture(128, 128, noise=12)
    small = Image.fromarray(picture[:80, :80])
    enlarged = np.asarray(small.resize((128, 128), Image.Resampling.BILINEAR))
    plain, traced = pixel_features(picture), pixel_features(enlarged)
    assert traced["resampling_columns_height"] > 2 * plain["resampling_columns_height"]
    # by 80 / 128 the pattern repeats every 1.6 pixels: 0.625 cycles a pixel, seen as 0.375
    assert traced["resampling_columns_frequency"] == pytest.approx(0.375, abs=0.02)


def test_blur_shows_in_the_top_of_the_spectrum_and_not_in_the_colour():
    picture = smooth_picture(noise=10)
    blurred = np.asarray(Image.fromarray(picture).resize((48, 48), Image.Resampling.BOX).resize((96, 96)))
    sharp, soft = pixel_features(picture), pixel_features(blurred)
    assert soft["spectrum_luma_15"] < sharp["spectrum_luma_15"] - 1
    assert soft["noise_deviation"] < sharp["noise_deviation"] / 2
    assert soft["mean_green"] == pytest.approx(sharp["mean_green"], abs=1)


def test_clipping_counts_both_ends():
    pixels = np.full((40, 40, 3), 128, dtype=np.uint8)
    pixels[:10, :, 0] = 0
    pixels[:, :20, 2] = 255
    features = pixel_features(pixels)
    assert features["clipped_dark_red"] == pytest.approx(0.25)
    assert features["clipped_bright_blue"] == pytest.approx(0.5)
    assert features["clipped_dark_green"] == features["clipped_bright_green"] == 0


def test_a_thumbnail_is_the_mean_of_the_areas():
    pixels = np.random.default_rng(3).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    small = thumbnail(pixels, 8).reshape(8, 8, 3)
    assert small[2, 3] == pytest.approx(pixels[10:15, 21:28].mean(axis=(0, 1)) / 255, abs=1e-5)
    assert thumbnail(pixels, 16).reshape(16, 16, 3).mean() == pytest.approx(pixels.mean() / 255, abs=1e-5)


def test_a_matrix_keeps_the_order_of_images_and_names():
    rows, names = matrix(pixel_features(smooth_picture(seed=seed)) for seed in (1, 2))
    assert names == NAMES
    assert rows.shape == (2, len(NAMES))
    assert rows[1, NAMES.index("mean_red")] == pytest.approx(pixel_features(smooth_picture(seed=2))["mean_red"])
