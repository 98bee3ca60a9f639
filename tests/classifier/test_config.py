import subprocess
import sys

import pytest
from pydantic import ValidationError

from classifier.config import AugmentationConfig, ClassifierConfig


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pretrained": True, "weights": "a.safetensors"}, "not both"),
        ({"weights": "checkpoint.pth"}, "pickled checkpoints are not read"),
        ({"epoch": 3}, "Extra inputs"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"precision": "fp8"}, "32-true"),
        ({"generators": ["../x"]}, "pattern"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], told: str):
    with pytest.raises(ValidationError, match=told):
        ClassifierConfig.model_validate(settings)


def test_qualities_must_be_a_range():
    with pytest.raises(ValidationError, match="lower one first"):
        AugmentationConfig(jpeg_quality=(90, 60))


def test_the_configuration_imports_no_model_library():
    code = "import sys, classifier.config; print(sorted({'torch', 'timm', 'lightning'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
