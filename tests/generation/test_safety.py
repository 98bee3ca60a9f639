"""A classifier of images as transformers loads it, asked whether images are safe."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.digests import digest_of, folder_digest
from generation.safety import SafetyClassifier
from manifests.errors import ModelError
from pixels.config import SafetyRules

Pictures = list[NDArray[np.uint8]]


def rules(model: Path, **more: object) -> SafetyRules:
    return SafetyRules.model_validate({"model": str(model), "unsafe_labels": ("nude", "gore"), **more})


def judge(settings: SafetyRules, pictures: Pictures) -> list[str]:
    model = SafetyClassifier(settings, "cpu")
    return model.judge([model.prepare(pixels) for pixels in pictures])


def altered(model: Path, copy: Path, **changes: object) -> Path:
    shutil.copytree(model, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **changes}))
    return copy


@pytest.fixture(scope="module")
def logits(safety_model: Path, pictures: Pictures) -> NDArray[np.float64]:
    """What the model says of the pictures when it is asked without this project."""
    import torch
    from PIL import Image
    from transformers import ViTForImageClassification, ViTImageProcessor

    processor = ViTImageProcessor.from_pretrained(safety_model)
    model = ViTForImageClassification.from_pretrained(safety_model).eval()
    with torch.no_grad():
        inputs = processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt")
        return model(**inputs).logits.double().numpy()


def test_probabilities_are_the_models_own(safety_model: Path, pictures: Pictures, logits: NDArray[np.float64]):
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = shares[:, 1] + shares[:, 2]
    threshold = float(np.median(expected)) - 1e-4
    answers = judge(rules(safety_model, threshold=threshold, batch_size=2), pictures)
    assert [bool(answer) for answer in answers] == list(expected >= threshold)
    assert 0 < sum(map(bool, answers)) < len(pictures)
    for answer, probability in zip(answers, expected, strict=True):
        if answer:
            model = f"vit-safety ({digest_of(safety_model, [safety_model / 'model.safetensors'])[:8]})"
            assert answer == f"nude or gore: {probability:.2f} by {model}, limit {threshold:g}"


def test_classes_that_do_not_exclude_one_another_do_not_add_up(
    safety_model: Path, pictures: Pictures, logits: NDArray[np.float64], tmp_path: Path
):
    model = altered(safety_model, tmp_path / "multi", problem_type="multi_label_classification")
    expected = (1 / (1 + np.exp(-logits)))[:, 1:].max(axis=1)
    answers = judge(rules(model, threshold=1e-6), pictures)
    told = [float(found[1]) for answer in answers if (found := re.search(r"gore: ([0-9.]+)", answer))]
    np.testing.assert_allclose(told, expected, atol=0.006)


def test_pictures_of_any_shape_are_judged(safety_model: Path):
    answers = judge(rules(safety_model, threshold=1e-6), [np.zeros((h, w, 3), np.uint8) for h, w in ((3, 90), (70, 1))])
    assert all(answers)
    assert judge(rules(safety_model), []) == []


def test_a_class_that_the_model_does_not_have_is_named(safety_model: Path):
    with pytest.raises(ModelError, match=r"no class 'nsfw'.*its classes are gore, nude, safe"):
        SafetyClassifier(rules(safety_model, unsafe_labels=("nude", "nsfw")), "cpu")


def test_code_that_a_model_brings_along_is_not_run(safety_model: Path, tmp_path: Path):
    auto_map = {"AutoConfig": "own.Own", "AutoModelForImageClassification": "own.OwnModel"}
    model = altered(safety_model, tmp_path / "own", model_type="own", auto_map=auto_map)
    (model / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="cannot be loaded"):
        SafetyClassifier(rules(model), "cpu")
    assert not (tmp_path / "ran").exists()


def test_pickled_and_foreign_weights_are_refused(safety_model: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="other weights than the recipe asks for"):
        SafetyClassifier(rules(safety_model, revision="0" * 16), "cpu")
    model = altered(safety_model, tmp_path / "pickled")
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match="has no weights"):
        SafetyClassifier(rules(model), "cpu")


def test_the_digest_of_a_folder_tells_weights_and_settings(safety_model: Path, tmp_path: Path):
    same = altered(safety_model, tmp_path / "same")
    shutil.copy(safety_model / "config.json", same / "config.json")
    assert folder_digest(str(same)) == folder_digest(str(safety_model)) != ""
    other = altered(safety_model, tmp_path / "other", id2label={0: "safe", 1: "gore", 2: "nude"})
    assert folder_digest(str(other)) != folder_digest(str(safety_model))
    weights = (same / "model.safetensors").read_bytes()
    (same / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert folder_digest(str(same)) != folder_digest(str(safety_model))
    assert folder_digest("org/name") == ""
