import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from classifier.config import ClassifierConfig
from classifier.transforms import Place, Preprocessing
from manifests.errors import DatasetError

shares = st.floats(0, 1, exclude_max=True)


def gradient(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 2, columns * 2, rows + columns], axis=2).astype(np.uint8)


def test_the_centre_is_the_centre():
    assert Preprocessing(16).window(gradient(20, 24))[0, 0].tolist() == [4, 8, 6]


def test_a_small_image_is_an_error_that_says_what_to_set():
    with pytest.raises(DatasetError, match="set image_size to 15 or less"):
        Preprocessing(16).window(gradient(15, 30))


def test_resizing_brings_the_shorter_side_to_its_size_and_cuts_the_centre():
    image = gradient(60, 90)
    window = Preprocessing(28, "resize", 32).window(image)
    whole = np.asarray(Image.fromarray(image).resize((48, 32), Image.Resampling.BILINEAR))
    assert (window == whole[2:30, 10:38]).all()


def test_resizing_enlarges_what_is_small():
    assert Preprocessing(32, "resize", 36).window(gradient(10, 12)).shape == (32, 32, 3)


@pytest.mark.parametrize("across", [0.0, 0.5, 0.999])
def test_a_long_image_is_cut_before_it_is_enlarged(across: float):
    # resized as a whole it would have 6.5 gigapixels
    image = np.tile(np.linspace(0, 255, 1_000_000).astype(np.uint8)[None, :, None], (10, 1, 3))
    window = Preprocessing(224, "resize", 256).window(image, Place(across, 0.5))
    assert window.shape == (224, 224, 3)
    assert window.mean() == pytest.approx(255 * across, abs=2)


@given(
    place=st.builds(Place, shares, shares, st.floats(0.01, 1), st.floats(0.5, 2)),
    height=st.integers(8, 40),
    width=st.integers(8, 40),
)
def test_any_part_of_any_image_becomes_the_square(place: Place, height: int, width: int):
    window = Preprocessing(16, "resize", 18).window(gradient(height, width), place)
    assert window.shape == (16, 16, 3)


def test_a_part_has_its_share_of_the_area():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:20, :20] = 255
    assert (Preprocessing(16, "resize").window(image, Place(0, 0, area=0.25)) == 255).all()
    assert (Preprocessing(16, "resize").window(image, Place(0.999, 0.999, area=0.25)) == 0).all()


def test_the_recipes_words_become_the_preprocessing():
    assert Preprocessing.of(ClassifierConfig(), 224) == Preprocessing(224)
    assert Preprocessing.of(ClassifierConfig(fit="resize"), 224) == Preprocessing(224, "resize", 256)
    config = ClassifierConfig(fit="resize", resize_to=240, resize_kernel="bicubic")
    assert Preprocessing.of(config, 224) == Preprocessing(224, "resize", 240, "bicubic")
