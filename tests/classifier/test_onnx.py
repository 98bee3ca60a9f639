import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.network import Network, new_network
from classifier.onnx import export_onnx
from classifier.report import DetectorConfig
from manifests.errors import ModelError
from twinset.cli import app

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

TRAINING = ClassifierConfig(backbone="test_resnet")
CONFIG = DetectorConfig(
    twinset="0", backbone="test_resnet", backbone_options={}, image_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    threshold=0.25, temperature=2.0, generators=("sd",), dataset_name="", dataset_digest="", training=TRAINING,
)  # fmt: skip


def test_an_exported_detector_answers_as_itself(tmp_path: Path):
    torch.manual_seed(0)
    detector = Detector(new_network(TRAINING, 32).eval(), CONFIG)
    detector.save(tmp_path / "detector")
    done = CliRunner().invoke(app, ["export", str(tmp_path / "detector"), "--onnx", str(tmp_path / "model.onnx")])
    assert done.exit_code == 0, done.output
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    logit, score, probability = session.run(None, {"images": images.transpose(0, 3, 1, 2)})
    assert score == pytest.approx(detector.predict(list(images)), abs=1e-4)
    assert logit == pytest.approx(detector.logits(list(images)), abs=1e-4)
    assert probability == pytest.approx(1 / (1 + np.exp(-logit / 2)), abs=1e-4)
    said = session.get_modelmeta().custom_metadata_map
    assert "central window of 32 x 32" in said["preprocessing"]
    assert json.loads(said["config"])["threshold"] == 0.25
    assert [path.name for path in tmp_path.glob("*.onnx*")] == ["model.onnx"]


class Fickle(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.rand_like(images).mean((2, 3))[:, :1]


def test_a_network_whose_answers_differ_is_not_written(tmp_path: Path):
    network = Network(Fickle(), CONFIG.mean, CONFIG.std).eval()
    with pytest.raises(ModelError, match=r"not written: .* differ from PyTorch's by"):
        export_onnx(Detector(network, CONFIG), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_the_file_is_told_at_once(tmp_path: Path):
    done = CliRunner().invoke(app, ["export", str(tmp_path / "not-asked"), "--onnx", str(tmp_path)])
    assert done.exit_code == 2
    assert "Invalid value for '--onnx'" in done.output
