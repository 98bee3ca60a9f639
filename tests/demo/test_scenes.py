from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.scenes import (
    COLOURS,
    FLOORS,
    SHAPES,
    Attributes,
    Scene,
    SceneObject,
    caption,
    describe,
    parse_caption,
    random_scene,
)

seeds = st.integers(0, 2**31)
things = st.tuples(st.sampled_from(COLOURS), st.sampled_from(SHAPES))


def test_a_caption_reads_as_a_sentence():
    left = SceneObject("sphere", "orange", -0.5, 0.0, 0.5, 0.3)
    right = SceneObject("cube", "blue", 0.5, 0.0, 0.5, 0.3)
    scene = Scene((left, right), "wooden", (0.0, -0.6, 0.8), seed=1)
    assert caption(scene) == "an orange sphere and a blue cube on a wooden floor"


@given(st.lists(things, min_size=1, max_size=2), st.sampled_from(FLOORS))
def test_a_description_is_read_back(objects: list[tuple[str, str]], floor: str):
    attributes = Attributes(tuple(objects), floor)
    assert parse_caption(describe(attributes)) == attributes


@pytest.mark.parametrize(
    "text",
    ["", "a red sphere", "a pink sphere on a grey floor", "a red sphere on a grey floor and more", "red on grey"],
)
def test_other_texts_are_no_captions(text: str):
    assert parse_caption(text) is None


@given(seeds)
def test_a_seed_always_draws_the_same_scene(seed: int):
    assert random_scene(seed) == random_scene(seed)


@given(seeds)
def test_random_scenes_keep_the_rules(seed: int):
    scene = random_scene(seed)
    assert 1 <= len(scene.objects) <= 2
    assert all(thing.colour != scene.floor for thing in scene.objects)
    assert [thing.x for thing in scene.objects] == sorted(thing.x for thing in scene.objects)
    assert sum(part * part for part in scene.light) == pytest.approx(1.0)
    assert scene.light[2] > 0
    assert parse_caption(caption(scene)) is not None


def test_every_shape_colour_and_floor_is_drawn():
    scenes = [random_scene(seed) for seed in range(400)]
    objects = [thing for scene in scenes for thing in scene.objects]
    assert set(Counter(thing.shape for thing in objects)) == set(SHAPES)
    assert set(Counter(thing.colour for thing in objects)) == set(COLOURS)
    assert set(Counter(scene.floor for scene in scenes)) == set(FLOORS)
    assert {len(scene.objects) for scene in scenes} == {1, 2}
