"""Detectors on the Hub and as timm reads them: a Hub on this machine takes them and gives them as the real one does."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from PIL import Image
from timm.data import resolve_model_data_config

import twinset
from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.hub import fetch_detector, push_detector
from classifier.network import new_network
from classifier.report import DetectorConfig
from classifier.whereabouts import file_beside
from manifests.dataset import Dataset
from manifests.errors import DatasetError, ModelError

REPO, COMMIT = "some-org/detector", "89abcdef0123456789abcdef0123456789abcdef"


class ModelHub(ThreadingHTTPServer):
    """Files of models by name; repositories whose token may not write."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, dict[str, bytes]] = {}
        self.commits: list[dict[str, Any]] = []
        self.created: list[dict[str, Any]] = []
        self.refuses = False


class Handler(BaseHTTPRequestHandler):
    server: ModelHub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refuses:
            self.answer({"error": "this token may not write"}, status=403)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            self.server.created.append(asked)
            self.server.models.setdefault(f"{asked['organization']}/{asked['name']}", {})
            self.answer({"url": f"http://{self.headers['Host']}/{asked['organization']}/{asked['name']}"})
        elif self.path == "/api/validate-yaml":
            self.answer({"warnings": [], "errors": []})
        elif re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/main", self.path):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", self.path):
            entries = [json.loads(line) for line in body.splitlines()]
            self.server.commits += [entry["value"] for entry in entries if entry["key"] == "header"]
            for file in (entry["value"] for entry in entries if entry["key"] == "file"):
                self.server.models[found[1]][file["path"]] = base64.b64decode(file["content"])
            self.answer(
                {
                    "commitUrl": f"http://{self.headers['Host']}/{found[1]}/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "success": True,
                }
            )
        else:
            self.answer({}, status=404)

    def do_GET(self) -> None:
        repo, name = self.path.strip("/").split(f"/resolve/{'main' if '/main/' in self.path else COMMIT}/")
        files = self.server.models.get(repo)
        if files is None:
            self.answer({}, status=404, X_Error_Code="RepoNotFound")
        elif name not in files:
            self.answer({}, status=404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        else:
            self.answer(files[name], ETag=f'"{len(files[name]):040x}"', X_Repo_Commit=COMMIT)

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, content: Any, *, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHub]:
    with ModelHub() as running:
        endpoint = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setenv("HF_TOKEN", "hf_only_here")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def make_detector(folder: Path, **settings: Any) -> Path:
    """A folder as a training writes it, the weights drawn at random."""
    training = ClassifierConfig(backbone="test_resnet", image_size=32, head=settings.get("head", "linear"))
    config = DetectorConfig(
        **{
            "twinset": "0", "backbone": "test_resnet", "backbone_options": {}, "image_size": 32, "mean": (0.4, 0.5, 0.6),
            "std": (0.2, 0.2, 0.3), "threshold": 0.5, "generators": ("sd",), "dataset_name": "tiny",
            "dataset_digest": "feed", "training": training, **settings,
        }
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = new_network(training, 32).eval()
    folder.mkdir()
    Detector(network, config).save(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make_detector(tmp_path / "detector")
    for name in ("metrics.json", "README.md", "predictions.parquet"):
        (made / name).write_text("---\nlicense: mit\n---\n" if name == "README.md" else "{}")
    return made


def photograph(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return path


def test_one_line_loads_a_detector_and_judges_files(folder: Path, tmp_path: Path):
    image = photograph(tmp_path / "a.png")
    detector = twinset.load(folder)
    assert isinstance(detector, Detector)
    [score] = detector.predict([image])
    assert [score, score] == pytest.approx(detector.predict([str(image), np.asarray(Image.open(image))]), abs=1e-6)
    (tmp_path / "page.png").write_text("<html>")
    for name in ("page.png", "missing.png"):
        with pytest.raises(DatasetError, match=rf"{name}: cannot be (judged|read)"):
            detector.predict([tmp_path / name])


def test_load_tells_datasets_from_detectors(make_dataset: Any, tmp_path: Path):
    dataset = make_dataset({"train": 1}, shards=1)
    assert isinstance(twinset.load(dataset.root), Dataset)
    with pytest.raises(DatasetError, match="no dataset here"):
        twinset.load(tmp_path)


@pytest.mark.parametrize("form", [{}, {"fit": "resize", "resize_to": 40}])
def test_plain_timm_loads_it_and_answers_the_same(form: dict[str, Any], tmp_path: Path):
    folder = make_detector(tmp_path / "detector", **form)
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    data = resolve_model_data_config(model)
    assert [*data["mean"], *data["std"], *data["input_size"]] == [0.4, 0.5, 0.6, 0.2, 0.2, 0.3, 3, 32, 32]
    assert data["crop_pct"] == (0.8 if form else 1.0)
    detector = Detector.load(folder)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(data[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        [[logit]] = model((tensor - mean) / std).tolist()
    assert [logit] == pytest.approx(detector.window_logits([image]), abs=1e-5)


def test_what_timm_cannot_build_has_none_of_its_keys(tmp_path: Path):
    written = json.loads((make_detector(tmp_path / "linear") / "config.json").read_bytes())
    assert written["architecture"] == "test_resnet"
    assert "architecture" not in json.loads((make_detector(tmp_path / "mlp", head="mlp") / "config.json").read_bytes())


def test_a_detector_is_pushed_in_one_commit_and_fetched_again(hub: ModelHub, folder: Path):
    where = push_detector(folder, REPO, private=True, message="first")
    assert where.endswith(COMMIT)
    assert [commit["summary"] for commit in hub.commits] == ["first"]
    assert hub.created[0]["visibility"] == "private"
    # the predictions name images, and stay here
    assert sorted(hub.models[REPO]) == ["README.md", "config.json", "metrics.json", "model.safetensors"]
    fetched = Path(fetch_detector(REPO))
    assert sorted(path.name for path in fetched.iterdir()) == sorted(hub.models[REPO])
    assert file_beside(REPO, "metrics.json") == fetched / "metrics.json"
    assert file_beside("nobody/nothing", "metrics.json") is None
    # others push detectors without figures
    del hub.models[REPO]["metrics.json"]
    assert fetch_detector(REPO) == str(fetched)
    loaded = twinset.load(REPO)
    assert isinstance(loaded, Detector)
    assert loaded.config == Detector.load(folder).config


def test_what_is_pushed_names_no_folder_of_the_machine(hub: ModelHub, tmp_path: Path):
    training = ClassifierConfig(backbone="test_resnet", image_size=32, weights="/home/somebody/first/model.safetensors")
    folder = make_detector(tmp_path / "detector")
    detector = Detector.load(folder)
    Detector(detector.network, detector.config.model_copy(update={"training": training})).save(folder)
    push_detector(folder, REPO)
    assert json.loads(hub.models[REPO]["config.json"])["training"]["weights"] == "model.safetensors"
    assert "somebody" in (folder / "config.json").read_text()


def test_what_the_hub_refuses_is_told_in_one_line(hub: ModelHub, folder: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="nobody/nothing: no folder of this name, and the Hub has no such model"):
        twinset.load("nobody/nothing")
    hub.models["some-org/other"] = {}
    with pytest.raises(ModelError, match="some-org/other: no detector of twinset"):
        twinset.load("some-org/other")
    with pytest.raises(ModelError, match="no detector here"):
        push_detector(tmp_path, REPO)
    with pytest.raises(ModelError, match="not a model's id"):
        push_detector(folder, "a/b/c")
    hub.refuses = True
    with pytest.raises(ModelError, match=r"some-org/detector: the Hub refuses .* set HF_TOKEN") as caught:
        push_detector(folder, REPO)
    assert "\n" not in str(caught.value)
    assert hub.commits == []
