import dataclasses

import numpy as np
import pytest

from demo.rendering import render, visible_fractions
from demo.scenes import COLOURS, FLOORS, Scene, SceneObject, random_scene

LIGHT = (0.0, -0.6, 0.8)
HUES = {
    "red": (215, 25, 25), "orange": (250, 130, 10), "yellow": (250, 225, 40), "green": (25, 150, 45),
    "cyan": (40, 205, 215), "blue": (35, 60, 210), "purple": (140, 40, 170), "white": (250, 250, 250),
}  # fmt: skip


def one(colour: str = "red", floor: str = "grey", x: float = 0.0) -> Scene:
    return Scene((SceneObject("sphere", colour, x, 0.0, 0.6, 0.4),), floor, LIGHT, seed=5)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (97, 80), (80, 120), (256, 256)])
def test_a_picture_has_the_size_asked_for_and_is_the_same_each_time(width: int, height: int):
    picture = render(random_scene(3), width, height)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, render(random_scene(3), width, height))


def test_a_large_picture_shows_what_a_small_one_shows():
    large = render(random_scene(11), 512, 512).reshape(64, 8, 64, 8, 3).mean(axis=(1, 3))
    small = render(random_scene(11), 64, 64)
    assert np.abs(large - small).mean() < 8


@pytest.mark.parametrize("colour", COLOURS)
def test_the_middle_of_an_object_is_nearest_to_its_own_colour(colour: str):
    middle = render(one(colour), 64, 64)[28:34, 28:36].reshape(-1, 3).mean(axis=0)

    def likeness(name: str) -> float:
        hue = np.array(HUES[name], float)
        return float(middle @ hue / np.linalg.norm(middle) / np.linalg.norm(hue))

    assert max(HUES, key=likeness) == colour


def test_floors_differ_more_than_exposure_does():
    means = {floor: render(one(floor=floor), 64, 64)[48:].reshape(-1, 3) for floor in FLOORS}
    contrast = {floor: pixels.mean(axis=1).std() for floor, pixels in means.items()}
    redness = {floor: pixels[:, 0].mean() - pixels[:, 2].mean() for floor, pixels in means.items()}
    assert max(contrast, key=contrast.get) == "checkered"
    assert max(redness, key=redness.get) == "wooden"
    greenness = {floor: pixels[:, 1].mean() - pixels[:, 0].mean() for floor, pixels in means.items()}
    assert max(greenness, key=greenness.get) == "green"


def test_an_object_throws_a_shadow_away_from_the_light():
    lit_from_left = dataclasses.replace(one(), light=(-0.8, 0.0, 0.6))
    picture = render(lit_from_left, 96, 96).astype(float).mean(axis=2)
    assert picture[55:62, 75:85].mean() < picture[55:62, 10:20].mean() - 20


def test_a_lone_object_in_the_middle_is_seen_whole():
    assert visible_fractions(one(), 64, 64) == (1.0,)


def test_an_object_at_the_edge_is_seen_in_part():
    (seen,) = visible_fractions(one(x=1.5), 64, 64)
    assert 0.2 < seen < 0.8
    assert visible_fractions(one(x=1.5), 128, 64) == (1.0,)


def test_a_window_hides_what_lies_outside():
    (left_half,) = visible_fractions(one(), 64, 64, (0, 0, 32, 64))
    assert 0.3 < left_half < 0.7
    assert visible_fractions(one(), 64, 64, (0, 60, 64, 64)) == (0.0,)


def test_an_object_behind_another_is_hidden():
    front = SceneObject("cube", "red", 0.0, -0.8, 0.6, 0.4)
    behind = SceneObject("sphere", "blue", 0.0, 0.8, 0.4, 0.4)
    near, far = visible_fractions(Scene((front, behind), "grey", LIGHT, 1), 64, 64)
    assert near == 1.0
    assert far < 0.5


def test_most_random_windows_show_every_object():
    shown = 0
    for seed in range(60):
        width, height = (96, 64) if seed % 2 else (64, 96)
        offset = np.random.default_rng(seed).integers(0, 33)
        window = (offset, 0, offset + 64, 64) if seed % 2 else (0, offset, 64, offset + 64)
        shown += min(visible_fractions(random_scene(seed), width, height, window)) >= 0.6
    assert shown >= 54
