import io

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, JpegImagePlugin

from demo.photographs import FLAWS, Photograph, take_photograph
from demo.rendering import render


def opened(photograph: Photograph) -> Image.Image:
    return Image.open(io.BytesIO(photograph.data))


@pytest.fixture(scope="module")
def many():
    return [take_photograph(seed) for seed in range(80)]


def test_a_photograph_has_the_same_bytes_each_time():
    assert take_photograph(7).data == take_photograph(7).data


def test_sizes_and_aspects_vary_within_bounds(many: list[Photograph]):
    shorts = [min(photograph.width, photograph.height) for photograph in many]
    ratios = [max(photograph.width, photograph.height) / short for photograph, short in zip(many, shorts, strict=True)]
    assert min(shorts) >= 80
    assert max(shorts) <= 256
    assert max(shorts) - min(shorts) > 100
    assert max(ratios) <= 1.51
    assert any(photograph.width > photograph.height for photograph in many)
    assert any(photograph.width < photograph.height for photograph in many)


def test_encodings_vary(many: list[Photograph]):
    pictures = [opened(photograph) for photograph in many]
    assert {JpegImagePlugin.get_sampling(picture) for picture in pictures} == {0, 1, 2}
    assert len({tuple(picture.quantization[0]) for picture in pictures}) > 10
    with_exif = sum(bool(picture.getexif()) for picture in pictures)
    assert 10 < with_exif < 50


def test_some_are_stored_turned_and_exif_makes_them_upright():
    turned = [photograph for photograph in map(take_photograph, range(300)) if photograph.orientation != 1]
    assert turned
    for photograph in turned[:4]:
        picture = opened(photograph)
        assert picture.getexif()[0x0112] == photograph.orientation
        assert_shows_the_scene(ImageOps.exif_transpose(picture), photograph)
        assert_shows_the_scene(picture.rotate(photograph.rotation, expand=True), photograph)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotation_is_what_the_stored_picture_needs(rotation: int):
    photograph = take_photograph(4, rotation=rotation)
    assert photograph.rotation == rotation
    assert photograph.orientation == 1
    assert_shows_the_scene(opened(photograph).rotate(rotation, expand=True), photograph)


def assert_shows_the_scene(picture: Image.Image, photograph: Photograph):
    assert picture.size == (photograph.width, photograph.height)
    expected = render(photograph.scene, photograph.width, photograph.height).astype(float)
    assert np.abs(np.asarray(picture).astype(float) - expected).mean() < 12


def test_flaws_are_what_they_say():
    flawed = {flaw: take_photograph(9, flaw) for flaw in FLAWS}
    assert opened(flawed["grey"]).mode == "L"
    assert opened(flawed["png"]).format == "PNG"
    assert flawed["png"].suffix == ".png"
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    with pytest.raises(OSError, match="truncated"):
        opened(flawed["truncated"]).load()
