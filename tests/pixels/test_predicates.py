from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.config import PredicateRules
from pixels.decode import decode
from pixels.predicates import blank, check_member, greyscale, near_uniform

RED = np.array([200, 40, 40], dtype=np.uint8)


def one_colour(side: int = 96) -> np.ndarray:
    return np.tile(RED, (side, side, 1))


def reason_for(pixels: np.ndarray, **options: PredicateRules) -> Reason:
    with pytest.raises(RejectedItem) as rejected:
        check_member(pixels, **options)
    return rejected.value.reason


def test_a_picture_passes(draw: Callable[..., Pixels]):
    check_member(draw())


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_frame_of_one_colour_is_blank(level: int, save: Callable[..., bytes]):
    frame = np.full((96, 96, 3), level, dtype=np.uint8)
    assert blank(frame)
    assert reason_for(decode(save(frame, quality=60))) is Reason.BLANK


def test_a_speck_on_one_colour_is_near_uniform_and_not_blank():
    speck = one_colour()
    speck[40:56, 40:56] = (10, 200, 10)
    assert not blank(speck)
    assert near_uniform(speck)
    assert reason_for(speck) is Reason.NEAR_UNIFORM


def test_a_quarter_of_content_is_enough():
    quarter = one_colour()
    quarter[:48, :48] = (10, 200, 10)
    check_member(quarter)


def test_two_colours_of_one_brightness_are_not_uniform():
    halves = one_colour()
    halves[:, ::2] = (20, 117, 40)
    assert not near_uniform(halves)


def test_black_and_white_is_grey_whatever_its_mode(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    grey = np.repeat(draw()[..., :1], 3, axis=2)
    assert greyscale(grey)
    assert reason_for(decode(save(grey, quality=70))) is Reason.GREYSCALE


def test_a_tint_of_a_level_or_two_is_still_grey(draw: Callable[..., Pixels]):
    grey = np.repeat(draw()[..., :1], 3, axis=2).clip(0, 250)
    assert greyscale(grey + np.array([3, 0, 1], dtype=np.uint8))


def test_a_coloured_thing_in_a_grey_scene_is_colour(draw: Callable[..., Pixels]):
    scene = np.repeat(draw()[..., :1], 3, axis=2)
    scene[:30, :30] = RED
    assert not greyscale(scene)


def test_thresholds_are_the_callers(draw: Callable[..., Pixels]):
    assert reason_for(draw(), rules=PredicateRules(grey_chroma=500)) is Reason.GREYSCALE
    assert reason_for(draw(), rules=PredicateRules(blank_deviation=200)) is Reason.BLANK
    assert reason_for(draw(), rules=PredicateRules(uniform_tolerance=255)) is Reason.NEAR_UNIFORM


def test_of_the_photographs_only_the_black_and_white_ones_fail(photographs: list[Path]):
    failing = set()
    for path in photographs[::8]:
        try:
            check_member(decode(path.read_bytes()))
        except RejectedItem as rejected:
            if rejected.reason is not Reason.PIXEL_FORMAT:
                failing.add((path.stem, rejected.reason))
    assert {reason for _, reason in failing} <= {Reason.GREYSCALE}
    assert len(failing) <= 3
