from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from generation.config import GeneratorConfig, Precision
from generation.model_presets import PRESETS, ModelPresetName


def parsed(**table: Any) -> Any:
    return TypeAdapter[Any](GeneratorConfig).validate_python({"name": "a", "method": "text-to-image"} | table)


def test_the_schema_knows_all_presets():
    assert set(get_args(ModelPresetName)) == PRESETS.keys()
    assert {preset.dtype for preset in PRESETS.values()} <= set(get_args(Precision))


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_fills_in_what_its_card_says(name: str):
    preset = PRESETS[name]
    config = parsed(preset=name, method=preset.methods[0])
    assert (config.model, config.license, config.dtype) == (preset.model, preset.license, preset.dtype)
    assert (config.num_inference_steps, config.guidance_scale) == (preset.num_inference_steps, preset.guidance_scale)
    assert config.scheduler is None
    # the resolved recipe, as a manifest's header records it, says the same without the preset's help
    assert parsed(**config.model_dump(mode="json")) == config
    assert parsed(**config.model_dump(mode="json") | {"preset": None}) == config.model_copy(update={"preset": None})


def test_what_a_recipe_gives_wins():
    config = parsed(preset="sdxl", num_inference_steps=30, dtype="bfloat16", license="mine")
    assert (config.num_inference_steps, config.dtype, config.license) == (30, "bfloat16", "mine")
    assert (config.guidance_scale, config.model) == (PRESETS["sdxl"].guidance_scale, PRESETS["sdxl"].model)


def test_another_model_has_not_the_presets_licence():
    config = parsed(preset="sd15", model="somebody/fine-tuned")
    assert (config.model, config.license, config.num_inference_steps) == ("somebody/fine-tuned", "", 50)


def test_the_refiner_changes_little_of_what_it_is_shown():
    assert parsed(preset="sdxl-refiner", method="image-to-image").strength == 0.3
    assert parsed(preset="sdxl-refiner", method="image-to-image", strength=0.6).strength == 0.6


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (
            {"preset": "pixart", "method": "image-to-image"},
            "preset pixart is for text-to-image, not for image-to-image",
        ),
        ({"preset": "sdxl-refiner"}, "preset sdxl-refiner is for image-to-image, not for text-to-image"),
        ({"preset": "sd99"}, "preset"),
        ({"preset": "sd14", "method": "reconstruct"}, "preset"),
    ],
)
def test_a_preset_that_does_not_suit_is_refused(table: dict[str, Any], complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        parsed(**table)
