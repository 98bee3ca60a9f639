from collections import Counter

import pytest

from generation.config import ImageToImageConfig, TextToImageConfig
from generation.grid import draw_setting, mean_calls, order_of

GRID = {
    "scheduler": ["DDIMScheduler", "EulerDiscreteScheduler"],
    "num_inference_steps": [20, 30, 50],
    "guidance_scale": [1.0, 5.0],
}


def config(**more: object) -> TextToImageConfig:
    return TextToImageConfig.model_validate({"name": "sd", "model": "org/model", **more})


def test_without_a_grid_all_pairs_have_the_generators_own_settings():
    setting = draw_setting(config(num_inference_steps=9, guidance_scale=2.0, scheduler="DDIMScheduler"), 7)
    # the pipeline is loaded with the recipe's scheduler
    assert (setting.scheduler, setting.num_inference_steps, setting.guidance_scale) == (None, 9, 2.0)
    assert setting.strength == 0.0


def test_all_settings_are_drawn_equally_often():
    drawn = Counter(draw_setting(config(grid=GRID), number) for number in range(6000))
    assert len(drawn) == 12
    assert max(drawn.values()) < 1.3 * min(drawn.values())


def test_a_further_value_of_one_setting_leaves_the_others_alone():
    more = GRID | {"guidance_scale": [1.0, 5.0, 7.5]}
    for number in range(50):
        fewer, further = (draw_setting(config(grid=grid), number) for grid in (GRID, more))
        assert (fewer.scheduler, fewer.num_inference_steps) == (further.scheduler, further.num_inference_steps)


def test_the_order_is_that_of_the_recipes_lists():
    both = config(grid=GRID | {"num_inference_steps": [50, 20]})
    drawn = {draw_setting(both, number) for number in range(200)}
    first = min(drawn, key=lambda setting: order_of(both, setting))
    assert (first.scheduler, first.num_inference_steps, first.guidance_scale) == ("DDIMScheduler", 50, 1.0)
    assert len({order_of(both, setting) for setting in drawn}) == len(drawn)


@pytest.mark.parametrize(
    ("more", "calls"),
    [
        ({"num_inference_steps": 50, "guidance_scale": 1.0}, 51),
        ({"num_inference_steps": 50}, 102),
        ({"grid": {"num_inference_steps": [20, 40], "guidance_scale": [1.0, 5.0]}}, 31 * 1.5),
    ],
)
def test_the_plan_counts_calls_by_the_mean(more: dict[str, object], calls: float):
    assert mean_calls(config(**more)) == pytest.approx(calls)


def test_strength_leaves_steps_out():
    table = {"name": "sd", "model": "org/model", "num_inference_steps": 40, "guidance_scale": 1.0}
    redrawn = ImageToImageConfig.model_validate({**table, "grid": {"strength": [0.25, 0.75]}})
    assert mean_calls(redrawn) == pytest.approx(21)
    assert {draw_setting(redrawn, number).strength for number in range(50)} == {0.25, 0.75}
