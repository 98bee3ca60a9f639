import subprocess
import sys

import pytest
from pydantic import ValidationError

from classifier.config import ClassifierConfig


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pretrained": True, "weights": "a.safetensors"}, "not both"),
        ({"weights": "checkpoint.zip"}, r"weights must be a file \.safetensors, .*, not 'checkpoint\.zip'"),
        ({"min_learning_rate": 0.1}, "is above learning_rate"),
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
        ClassifierConfig.model_validate({"augmentation": {"recode": {"quality": [90, 60]}}})


@pytest.mark.parametrize(
    "settings", [{"resize_to": 256}, {"augmentation": {"crop_scale": [0.5, 1.0]}}, {"fit": "resize", "resize_to": 200}]
)
def test_what_resizes_must_agree_with_the_fit_and_the_window(settings: dict[str, object]):
    with pytest.raises(ValidationError, match="resize_to"):
        ClassifierConfig.model_validate(settings)


def test_the_configuration_imports_no_model_library():
    code = "import sys, classifier.config; print(sorted({'torch', 'timm', 'lightning'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
