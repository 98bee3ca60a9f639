"""What an image of a published model costs, against what others have published of the models."""

import pytest
from pydantic import TypeAdapter

from generation.config import GeneratorConfig
from generation.costs import tflop_an_image
from generation.model_presets import PRESETS

CONFIG: TypeAdapter[GeneratorConfig] = TypeAdapter(GeneratorConfig)


def of(pixels: int, **table: object) -> float | None:
    return tflop_an_image(CONFIG.validate_python({"name": "fake", "method": "text-to-image", **table}), pixels)


@pytest.mark.parametrize(
    ("preset", "tflop"),
    [
        ("sd14", 102 * 0.803 + 2.51),
        ("sd15", None),
        ("sd21", None),
        ("sdxl", None),
        ("sdxl-refiner", None),
        ("sd35", 58 * 31.12 + 10.47),
        ("flux", 51 * 74.38 + 10.47),
        ("flux-schnell", 5 * 74.38 + 10.47),
        ("pixart", 42 * 6.634 + 10.47),
        ("sana", 42 * 2.967 + 8.37),
    ],
)
def test_each_preset_has_a_cost(preset: str, tflop: float | None):
    method = PRESETS[preset].methods[0]
    found = of(PRESETS[preset].native_side ** 2, preset=preset, method=method)
    assert found is not None
    assert found > 0
    assert tflop is None or found == pytest.approx(tflop, rel=0.001)


def test_a_reconstruction_is_an_encoding_and_a_decoding():
    assert of(512 * 512, method="reconstruct", model="stabilityai/sd-vae-ft-mse") == pytest.approx(5.02)
    assert of(256 * 256, method="reconstruct", model="stabilityai/sd-vae-ft-mse") == pytest.approx(5.02 / 4)


def test_what_nobody_has_counted_has_no_cost():
    assert of(512 * 512, model="someone/their-own-model") is None
