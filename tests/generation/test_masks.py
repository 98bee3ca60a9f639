import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pydantic import ValidationError

from generation.masks import MaskRules, draw_mask, raster
from manifests.records import Mask

SEEDS = st.integers(0, 2**63 - 1)


@given(number=SEEDS, side=st.sampled_from([64, 96, 250]), margin=st.sampled_from([0, 16]))
def test_the_share_of_the_window_is_as_asked_for(number: int, side: int, margin: int):
    rules = MaskRules()
    low, high = rules.area
    mask = draw_mask(rules, side + 2 * margin, side + 2 * margin, margin, number)
    whole = raster(mask, side + 2 * margin, side + 2 * margin)
    share = whole[margin : margin + side, margin : margin + side].mean()
    # whole pixels only: half of one along each edge, on both sides of a line of three window's lengths
    assert low - 0.06 <= share <= high + 0.06


@given(number=SEEDS)
def test_a_drawn_mask_is_the_seeds_own_and_survives_its_record(number: int):
    mask = draw_mask(MaskRules(), 64, 64, 0, number)
    assert draw_mask(MaskRules(), 64, 64, 0, number) == mask
    again = Mask.model_validate_json(mask.model_dump_json())
    assert np.array_equal(raster(again, 64, 64), raster(mask, 64, 64))
    assert len(mask.model_dump_json()) < 150


def test_all_shapes_and_places_are_drawn():
    masks = [draw_mask(MaskRules(), 64, 64, 0, number) for number in range(1000)]
    assert {mask.shape for mask in masks} == {"rectangle", "ellipse", "stroke"}
    everywhere = np.mean([raster(mask, 64, 64) for mask in masks], axis=0)
    assert everywhere.min() > 0
    only = MaskRules(shapes=("ellipse",))
    assert {draw_mask(only, 64, 64, 0, number).shape for number in range(20)} == {"ellipse"}


def test_a_wide_window_takes_its_masks_too():
    for number in range(50):
        mask = draw_mask(MaskRules(area=(0.7, 0.75)), 128, 32, 0, number)
        assert raster(mask, 128, 32).mean() == pytest.approx(0.72, abs=0.1)


@pytest.mark.parametrize(
    "mask",
    [
        Mask(shape="rectangle", points=((4, 6), (20, 31))),
        Mask(shape="ellipse", points=((4, 6), (44, 31))),
        Mask(shape="stroke", points=((10, 10), (50, 12), (30, 50)), width=9),
    ],
)
def test_rasters_are_what_a_drawing_library_draws(mask: Mask):
    scale, side = 16, 64
    canvas = Image.new("L", (side * scale, side * scale))
    draw = ImageDraw.Draw(canvas)
    points = [(x * scale, y * scale) for x, y in mask.points]
    box = [*points[0], points[1][0] - 1, points[1][1] - 1]
    if mask.shape == "rectangle":
        draw.rectangle(box, fill=255)
    elif mask.shape == "ellipse":
        draw.ellipse(box, fill=255)
    else:
        draw.line(points, fill=255, width=mask.width * scale)
        for x, y in points:
            draw.circle((x, y), mask.width * scale / 2, fill=255)
    centres = np.asarray(canvas)[scale // 2 :: scale, scale // 2 :: scale] > 0
    # at the very edge the two may round otherwise
    assert (raster(mask, side, side) != centres).mean() < 0.005


def test_a_line_of_one_point_is_a_disc():
    disc = raster(Mask(shape="stroke", points=((32, 32), (32, 32)), width=40), 64, 64)
    assert disc.mean() == pytest.approx(math.pi * 20**2 / 64**2, rel=0.01)


def test_a_mask_that_leads_out_of_the_image_is_refused():
    with pytest.raises(ValueError, match="leads out of the image of 16x16 pixels"):
        raster(Mask(shape="rectangle", points=((0, 0), (20, 8))), 16, 16)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"points": ((0, 0),)}, "at least 2"),
        ({"points": ((0, 0), (1, 2**15))}, "less than or equal to 16384"),
        ({"points": ((-1, 0), (1, 1))}, "greater than or equal to 0"),
        ({"points": ((0, 0),) * 17}, "at most 16"),
        ({"width": 2**15}, "less than or equal to 16384"),
        ({"width": 0}, "expected the width of the stroke's line"),
        ({"shape": "ellipse", "points": ((0, 0), (1, 1), (2, 2))}, "expected the two corners of a ellipse"),
        ({"shape": "rectangle", "points": ((4, 0), (1, 1))}, "left top corner, then the right bottom one"),
    ],
)
def test_records_bound_what_a_mask_can_ask_for(change: dict[str, object], complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        Mask.model_validate({"shape": "stroke", "points": ((0, 0), (1, 1)), "width": 2} | change)
