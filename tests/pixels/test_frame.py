import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests.errors import RejectedItem
from manifests.records import Frame, ImageFacts, JpegCoding, Reason
from pixels.align import check_reduction
from pixels.arrays import Pixels
from pixels.config import ViewRules
from pixels.frame import cut, framed_from_region, plan_frame, plan_generated, without_margin
from pixels.jpeg import mcu_size
from pixels.orient import to_upright

TABLES = ((16,) * 64, (17,) * 64)
CODINGS = [None, *(JpegCoding(tables=TABLES, subsampling=name) for name in ("4:4:4", "4:2:2", "4:2:0"))]


def view(framing: str, frame: int = 64, **changes: object) -> ViewRules:
    settings = {"name": "v", "framing": framing, "frame": frame, "size": frame, "generators": ("sd",)}
    return ViewRules.model_validate(settings | changes)


def sized(width: int, height: int) -> ImageFacts:
    return ImageFacts(format="JPEG", width=width, height=height)


def planned(facts: ImageFacts, coding: JpegCoding | None, rules: ViewRules, pair_id: str) -> Frame | Reason:
    try:
        return plan_frame(facts, coding, rules, pair_id, "salt")
    except RejectedItem as rejected:
        return rejected.reason


def largest_square(facts: ImageFacts, coding: JpegCoding | None) -> int:
    unit = math.lcm(*mcu_size(coding))
    return min(facts.width, facts.height) // unit * unit


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    width=st.integers(40, 400),
    height=st.integers(40, 400),
    coding=st.sampled_from(CODINGS),
    framing=st.sampled_from(["scene", "patch"]),
    margin=st.sampled_from([16, 32]),
    pair=st.text(max_size=4),
)
def test_a_window_lies_on_the_grid_with_its_margin_inside_the_image(
    *, width: int, height: int, coding: JpegCoding | None, framing: str, margin: int, pair: str
):
    facts = sized(width, height)
    rules = view(framing, margin=margin)
    needed = 64 if framing == "scene" else 64 + 2 * margin
    frame = planned(facts, coding, rules, pair)
    if not isinstance(frame, Frame):
        assert frame is Reason.TOO_SMALL
        assert min(width, height) < needed or largest_square(facts, coding) < 64
        return
    across, down = mcu_size(coding)
    assert frame.mcu == (across, down)
    assert frame.x % across == 0
    assert frame.y % down == 0
    assert frame.side % across == frame.side % down == 0
    assert frame.margin % across == frame.margin % down == 0
    assert frame.x - frame.margin >= 0
    assert frame.y - frame.margin >= 0
    assert frame.x + frame.side + frame.margin <= width
    assert frame.y + frame.side + frame.margin <= height
    assert frame.ratio == frame.side / frame.frame >= 1
    if framing == "scene":
        assert frame.side == largest_square(facts, coding)
        assert frame.margin == 0
    else:
        assert frame.side == frame.frame == 64
        assert frame.margin == margin >= max(across, down)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("framing", ["scene", "patch"])
def test_every_possible_position_is_drawn(coding: JpegCoding | None, framing: str):
    facts, rules = sized(128, 100), view(framing, margin=16)
    drawn = [plan_frame(facts, coding, rules, f"pair{number}", "salt") for number in range(600)]
    side, margin = drawn[0].side, drawn[0].margin
    assert {frame.x for frame in drawn} == set(range(margin, 128 - side - margin + 1, mcu_size(coding)[0]))
    assert {frame.y for frame in drawn} == set(range(margin, 100 - side - margin + 1, mcu_size(coding)[1]))


def test_the_position_depends_on_pair_and_salt_alone():
    frames = {
        (pair, salt): plan_frame(sized(400, 300), CODINGS[3], view("patch"), pair, salt)
        for pair in ("one", "two")
        for salt in ("a", "b")
    }
    positions = {(frame.x, frame.y) for frame in frames.values()}
    assert len(positions) == 4
    assert frames["one", "a"] == plan_frame(sized(400, 300), CODINGS[3], view("patch"), "one", "a")


@pytest.mark.parametrize(("framing", "smallest"), [("scene", 64), ("patch", 96)])
def test_a_real_that_would_have_to_be_enlarged_is_too_small(framing: str, smallest: int):
    plan_frame(sized(smallest, 200), CODINGS[3], view(framing), "pair", "salt")
    with pytest.raises(RejectedItem) as rejected:
        plan_frame(sized(200, smallest - 1), CODINGS[3], view(framing), "pair", "salt")
    assert rejected.value.reason is Reason.TOO_SMALL


def single(size: int = 64) -> ViewRules:
    return view("single", size, sources=("set",), generators=())


def test_an_image_that_stands_alone_is_its_largest_square_of_whole_blocks():
    for coding in CODINGS:
        frame = plan_frame(sized(150, 131), coding, single(), "pair", "salt")
        assert frame.side == largest_square(sized(150, 131), coding)
        assert (frame.frame, frame.size, frame.ratio) == (64, 64, frame.side / 64)
    assert planned(sized(200, 15), CODINGS[3], single(), "pair") is Reason.TOO_SMALL


def test_how_far_it_is_reduced_is_a_question_of_alignment():
    small, large = (plan_frame(sized(side, 300), None, single(), "pair", "salt") for side in (127, 128))
    check_reduction(large)
    with pytest.raises(RejectedItem, match="127 pixels; view v needs 128"):
        check_reduction(small)


def test_what_is_made_from_a_prompt_is_all_window():
    frame = plan_generated(view("single", 64, sources=("list",), size=32))
    assert (frame.x, frame.y, frame.side, frame.frame, frame.size, frame.ratio) == (0, 0, 64, 64, 32, 1)


def test_incomplete_blocks_at_the_edge_do_not_count():
    facts = sized(71, 71)
    assert plan_frame(facts, CODINGS[1], view("scene", 64), "pair", "salt").side == 64
    assert plan_frame(facts, None, view("scene", 64), "pair", "salt").side == 71
    with pytest.raises(RejectedItem):
        plan_frame(facts, CODINGS[3], view("scene", 70), "pair", "salt")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_patch_is_native_pixels_turned_upright(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], orientation: int
):
    stored = draw()
    facts = facts_of(stored, orientation=orientation)
    frame = plan_frame(facts, CODINGS[3], view("patch"), "pair", "salt")
    framed = cut(stored, facts, frame)
    window = stored[frame.y : frame.y + 64, frame.x : frame.x + 64]
    region = stored[frame.y - 16 : frame.y + 80, frame.x - 16 : frame.x + 80]
    assert np.array_equal(framed.shown, to_upright(window, facts))
    assert np.array_equal(framed.region, to_upright(region, facts))


def test_a_scene_is_the_whole_square_reduced_once(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    stored = draw()
    facts = facts_of(stored)
    frame = plan_frame(facts, CODINGS[3], view("scene", 100, kernel="bicubic"), "pair", "salt")
    framed = cut(stored, facts, frame)
    square = stored[frame.y : frame.y + 144, frame.x : frame.x + 144]
    expected = Image.fromarray(square).resize((100, 100), Image.Resampling.BICUBIC)
    assert np.array_equal(framed.shown, np.array(expected))
    assert np.array_equal(framed.region, framed.shown)


@pytest.mark.parametrize("framing", ["scene", "patch"])
def test_the_framed_real_is_restored_from_its_stored_region(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], framing: str
):
    stored = draw()
    frame = plan_frame(facts_of(stored), CODINGS[2], view(framing), "pair", "salt")
    framed = cut(stored, facts_of(stored), frame)
    restored = framed_from_region(framed.region, frame)
    assert np.array_equal(restored.shown, framed.shown)


def test_pixels_of_another_image_are_refused(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    frame = Frame(view="v", framing="scene", x=0, y=0, side=64, frame=64, size=64, ratio=1)
    with pytest.raises(ValueError, match="160x144"):
        cut(draw(144, 160), facts_of(draw()), frame)


def test_a_margin_is_cut_off_all_round(draw: Callable[..., Pixels]):
    assert np.array_equal(without_margin(draw(), 10), draw()[10:-10, 10:-10])
    assert np.array_equal(without_margin(draw(), 0), draw())
