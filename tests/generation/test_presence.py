import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save_file

from generation.config import LoraConfig, TextToImageConfig
from generation.presence import require_additions, require_published, require_text_encoder, require_weights
from manifests.errors import ModelError


def test_folders_with_safetensors_and_hub_ids_pass(tmp_path: Path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").touch()
    require_weights(str(tmp_path))
    require_weights("org/name")


def test_a_folder_with_pickled_weights_is_refused(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="has no weights"):
        require_weights(str(tmp_path))


@pytest.mark.parametrize("model", ["/missing", "./missing"])
def test_a_missing_folder_is_named(model: str):
    with pytest.raises(ModelError, match=f"no model folder {model}"):
        require_weights(model)


def text_encoder(folder: Path, kind: str, *tensors: str, tokenizer: bool = True) -> str:
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    save_file({name: np.zeros(1, np.float32) for name in tensors}, folder / "model.safetensors")
    if tokenizer:
        (folder / "tokenizer.json").touch()
    return str(folder)


@pytest.mark.parametrize(("kind", "tensor"), [("bert", "embeddings"), ("clip_text_model", "text_projection.weight")])
def test_text_encoders_and_hub_ids_pass(tmp_path: Path, kind: str, tensor: str):
    require_text_encoder(text_encoder(tmp_path, kind, tensor))
    require_text_encoder("org/name")


def test_the_text_encoder_of_a_generator_projects_nothing_and_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no text_projection\.weight"):
        require_text_encoder(text_encoder(tmp_path, "clip_text_model", "text_model.embeddings"))


def test_a_text_encoder_without_its_tokenizer_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="no tokenizer"):
        require_text_encoder(text_encoder(tmp_path, "bert", "embeddings", tokenizer=False))


@pytest.mark.parametrize("text", ["[]", "{", '{"is_encoder_decoder": true}'])
def test_what_is_no_text_encoder_is_refused(tmp_path: Path, text: str):
    folder = text_encoder(tmp_path, "bert", "embeddings")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        require_text_encoder(folder)


class Hub(BaseHTTPRequestHandler):
    """Has one model, with one branch; another one asks for consent; a third is not to be had today."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        status, code = {
            "/api/models/org/blip": (200, ""),
            "/api/models/org/blip/revision/main": (200, ""),
            "/api/models/org/blip/revision/old": (404, "RevisionNotFound"),
            "/api/models/org/gated": (403, "GatedRepo"),
            "/api/models/org/today": (503, ""),
        }.get(path, (404, "RepoNotFound"))
        body = json.dumps({"id": "org/blip", "siblings": []}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("model", "revision", "complaint"),
    [
        ("org/blip", "", ""),
        ("org/blip", "main", ""),
        ("org/today", "", ""),
        ("org/blib", "", "model org/blib: there is no such folder, and the Hub has no such model"),
        ("org/blip", "old", "no such model with a revision old"),
        ("org/gated", "", "asks for consent"),
    ],
)
def test_what_the_hub_does_not_have_is_told_before_any_work(
    hub: str, monkeypatch: pytest.MonkeyPatch, model: str, revision: str, complaint: str
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    if not complaint:
        require_published(model, revision)
        return
    with pytest.raises(ModelError, match=complaint):
        require_published(model, revision)


def test_without_the_hub_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    require_published(str(tmp_path), "")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    require_published("org/blib", "")


def test_loras_and_the_configs_of_a_checkpoint_are_looked_for(tmp_path: Path):
    checkpoint, lora, folder = tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "sd"
    folder.mkdir()
    config = TextToImageConfig(name="a", model=str(checkpoint), config=str(folder), lora=(LoraConfig(path=str(lora)),))
    with pytest.raises(ModelError, match=r"no file .*a\.safetensors"):
        require_weights(config.model)
    with pytest.raises(ModelError, match=r"no file .*b\.safetensors"):
        require_additions(config)
    checkpoint.touch()
    lora.touch()
    require_weights(config.model)
    with pytest.raises(ModelError, match=r"config .*sd holds no model_index\.json"):
        require_additions(config)
    (folder / "model_index.json").touch()
    require_additions(config)
