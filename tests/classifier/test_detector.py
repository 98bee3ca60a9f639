import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier.backends import accelerated, run_by
from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.network import new_network
from classifier.report import DetectorConfig
from manifests.errors import DatasetError, ModelError


@pytest.fixture
def detector() -> Detector:
    training = ClassifierConfig(backbone="test_resnet")
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.25, generators=("sd",), dataset_name="", dataset_digest="", training=training,
    )  # fmt: skip
    return Detector(new_network(training, 32).eval(), config)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_images_of_any_size_are_judged_by_their_centre(detector: Detector):
    image = noise(50, 40)
    whole, centre = detector.predict([image, image[9:41, 4:36]])
    assert whole == pytest.approx(centre, abs=1e-6)
    assert detector.predict([image]).dtype == np.float32


def test_nothing_in_nothing_out(detector: Detector):
    assert detector.predict([]).shape == (0,)


def test_long_lists_are_cut_into_batches(detector: Detector):
    images = [noise(32, 32)] * 300
    assert detector.predict(images) == pytest.approx(np.full(300, detector.predict(images[:1])[0]), abs=1e-5)


def test_a_small_image_is_an_error(detector: Detector):
    with pytest.raises(DatasetError, match="40 x 30 pixels is smaller"):
        detector.predict([noise(30, 40)])


def test_it_survives_being_saved(detector: Detector, tmp_path: Path):
    detector.save(tmp_path)
    loaded = Detector.load(tmp_path)
    assert loaded.config == detector.config
    # the normalisation is the stored one, not the backbone's own
    assert loaded.network.mean.flatten().tolist() == [0.5, 0.5, 0.5]


def test_a_folder_that_holds_no_detector_is_named(detector: Detector, tmp_path: Path):
    with pytest.raises(ModelError, match="no detector here"):
        Detector.load(tmp_path)
    detector.save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no such file of weights"):
        Detector.load(tmp_path)
    (tmp_path / "config.json").write_text('{"backbone": 3}')
    with pytest.raises(ModelError, match="not a detector's settings"):
        Detector.load(tmp_path)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"image_size": 0}, "image_size: "),
        ({"image_size": 100_000}, "image_size: "),
        ({"fit": "resize"}, "resize_to = 0 is smaller than image_size = 32"),
        ({"fit": "resize", "resize_to": 1_000_000}, "resize_to: "),
        ({"mean": [float("nan")] * 3}, r"mean\.0: "),
        ({"std": [0.5, 0, 0.5]}, r"std\.1: "),
        ({"threshold": float("nan")}, "threshold: "),
        ({"threshold": 1.5}, "threshold: "),
        ({"temperature": float("inf")}, "temperature: "),
        ({"labels": {"real": 1, "fake": 0}}, "labels are "),
        ({"backbone_options": {"global_pool": ""}}, "test_resnet does not take images of 32 pixels"),
        ({"backbone_options": {"checkpoint_path": "weights.pt"}}, "checkpoint_path is not taken"),
        ({"backbone_options": {"output_stride": 7}}, "backbone_options: test_resnet does not take them"),
        ({"backbone_options": {"stem_width": -1}}, "backbone_options: test_resnet does not take them"),
        ({"backbone": "no_such"}, "detector: classifier.backbone: timm has no model 'no_such'"),
    ],
)
def test_settings_that_somebody_edited_are_told_in_one_line(
    detector: Detector, tmp_path: Path, edit: dict[str, Any], told: str
):
    folder = tmp_path / "detector"
    detector.save(folder)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **edit}))
    with pytest.raises(ModelError, match=told) as raised:
        Detector.load(folder)
    assert "\n" not in str(raised.value)


def test_settings_of_any_length_are_not_read_into_the_memory(detector: Detector, tmp_path: Path):
    detector.save(tmp_path)
    with (tmp_path / "config.json").open("wb") as stream:
        stream.truncate(2**25)
    with pytest.raises(ModelError, match="more than 16777216 bytes"):
        Detector.load(tmp_path)


def test_weights_that_are_no_numbers_are_told(detector: Detector, tmp_path: Path):
    with torch.no_grad():
        detector.network.backbone.get_parameter("fc.bias").fill_(float("nan"))
    detector.save(tmp_path)
    with pytest.raises(ModelError, match="test_resnet answers with no number"):
        Detector.load(tmp_path)


def test_an_answer_that_is_no_number_is_no_verdict(detector: Detector):
    # weights that overflow may do so for some images only
    with torch.no_grad():
        detector.network.backbone.get_parameter("fc.bias").fill_(float("nan"))
    with pytest.raises(ModelError, match="test_resnet answers with no number"):
        detector.predict([noise(32, 32)])


@pytest.mark.parametrize("way", ["chosen", "named"])
def test_another_backend_changes_the_speed_and_hardly_the_scores(detector: Detector, way: str):
    images = [noise(50, 40), noise(32, 32)]
    windows = [detector.config.preprocessing.window(image) for image in images]
    faster = accelerated(detector, windows, ("bf16",)) if way == "chosen" else run_by(detector, "bf16")
    assert faster.runner is not None
    assert faster.predict(images) == pytest.approx(detector.predict(images), abs=0.01)
    assert faster.with_threshold(0.9).runner is faster.runner
