import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from generation.config import BlipCaptions, CaptionConfig, GeneratorConfig, ReconstructConfig, TextToImageConfig

GENERATOR: TypeAdapter[GeneratorConfig] = TypeAdapter(GeneratorConfig)
CAPTION: TypeAdapter[CaptionConfig] = TypeAdapter(CaptionConfig)


def test_method_and_source_choose_the_settings():
    text = GENERATOR.validate_python({"name": "sd14", "method": "text-to-image", "model": "org/model"})
    assert isinstance(text, TextToImageConfig)
    vae = GENERATOR.validate_python({"name": "vae", "method": "reconstruct", "model": "org/vae"})
    assert isinstance(vae, ReconstructConfig)
    assert isinstance(CAPTION.validate_python({"source": "blip", "model": "org/blip"}), BlipCaptions)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "SD 1.4"}, "pattern"),
        ({"method": "dream"}, "text-to-image"),
        ({"steps": 3}, "Extra inputs"),
        ({"num_inference_steps": 0}, "greater than 0"),
        ({"prompt_template": "a painting"}, "pattern"),
        ({"guidance_scale": float("inf")}, "finite"),
        ({"grid": {"guidance_scale": [5.0, float("inf")]}}, "finite"),
        ({"scheduler": "DPMSolverSDEScheduler"}, "EulerDiscreteScheduler"),
        ({"method": "reconstruct", "guidance_scale": 3.0}, "Extra inputs"),
        ({"model": ""}, "at least 1"),
        ({"batch_size": 0}, "greater than 0"),
        ({"dtype": "int8"}, "bfloat16"),
        ({"strength": 0.5}, "Extra inputs"),
        ({"grid": {"strength": [0.5]}}, "text-to-image is shown no image"),
        ({"grid": {"num_inference_steps": [20, 20]}}, "num_inference_steps: a value stands twice"),
        ({"grid": {"num_inference_steps": [0]}}, "greater than 0"),
        ({"method": "image-to-image", "strength": 0}, "greater than 0"),
        ({"method": "image-to-image", "strength": 0.01}, "strength 0.01 of 50 steps leaves none"),
        ({"method": "image-to-image", "grid": {"strength": [0.5], "num_inference_steps": [1, 9]}}, "of 1 steps leaves"),
        ({"method": "image-to-image", "mask": "none"}, "Extra inputs"),
        ({"method": "inpaint", "mask": {"area": [0.5, 0.1]}}, "area 0.5 to 0.1: expected"),
        ({"method": "inpaint", "mask": {"shapes": ["heart"]}}, "rectangle"),
        ({"method": "inpaint", "mask": "none", "restore_background": True}, "nothing but the real would be left"),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, object], complaint: str):
    settings: dict[str, object] = {"name": "sd14", "method": "text-to-image", "model": "org/model"}
    with pytest.raises(ValidationError, match=complaint):
        GENERATOR.validate_python(settings | change)


def test_a_class_template_must_name_the_label():
    with pytest.raises(ValidationError, match="pattern"):
        CAPTION.validate_python({"source": "class-template", "templates": ["a photo"]})


def test_settings_are_frozen():
    config = ReconstructConfig(name="vae", model="org/vae")
    with pytest.raises(ValidationError, match="frozen"):
        config.batch_size = 3


def test_settings_import_no_model_library():
    script = (
        "import sys, generation.config, generation.captioning, generation.requests, generation.overlap;"
        "sys.exit(','.join({'torch', 'diffusers', 'transformers', 'prefect'} & set(sys.modules)) or None)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
