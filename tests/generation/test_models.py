import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub
import pytest

from generation.models import DIFFUSERS_WEIGHTS, find_model, load_model, weight_files
from manifests.errors import ModelError

Altered = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]
WEIGHTS = "diffusion_pytorch_model.safetensors"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_folder_is_known_by_its_last_part_and_the_digest_of_its_weights(models: Path, tmp_path: Path):
    copy = tmp_path / "elsewhere" / "vae"
    shutil.copytree(models / "vae", copy)
    found, elsewhere = (find_model(str(path), "", ()) for path in (models / "vae", copy))
    digests = [folder.revision(weight_files(folder.path, DIFFUSERS_WEIGHTS)) for folder in (found, elsewhere)]
    assert found.name == "vae"
    assert len(digests[0]) == 16
    assert digests[0] == digests[1]


def test_other_weights_have_another_digest(models: Path, altered: Altered):
    original = models / "vae"
    before = find_model(str(original), "", ()).revision(weight_files(original, DIFFUSERS_WEIGHTS))
    assert find_model(str(original), before, ()).revision(weight_files(original, DIFFUSERS_WEIGHTS)) == before
    copy = altered("vae", WEIGHTS, lambda tensors: tensors["decoder.conv_out.bias"].add_(1))
    weights = weight_files(copy, DIFFUSERS_WEIGHTS)
    assert find_model(str(copy), "", ()).revision(weights) != before
    with pytest.raises(ModelError, match=f"other weights than the recipe asks for.*expected {before}"):
        find_model(str(copy), before, ()).revision(weights)


@pytest.mark.parametrize("model", ["missing/folder/of/mine", "/missing", "./missing", "a folder"])
def test_a_missing_folder_is_named(model: str):
    with pytest.raises(ModelError, match=f"no model folder {model}"):
        find_model(model, "", ())


def test_a_file_is_no_model_folder(tmp_path: Path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="no model folder"):
        find_model(str(tmp_path / "model.safetensors"), "", ())


def test_pickled_weights_do_not_count(models: Path, tmp_path: Path):
    shutil.copy(models / "vae" / "config.json", tmp_path)
    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"has no weights: expected diffusion_pytorch_model\.safetensors"):
        weight_files(tmp_path, DIFFUSERS_WEIGHTS)


def test_weights_in_parts_are_found_by_their_index(models: Path, tmp_path: Path):
    import diffusers

    model = diffusers.AutoencoderKL.from_pretrained(models / "vae")
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    parts = weight_files(tmp_path, DIFFUSERS_WEIGHTS)
    assert len(parts) > 1
    assert sorted(parts) == sorted(tmp_path.glob("*.safetensors"))
    loaded = load_model(diffusers.AutoencoderKL, tmp_path)
    assert all(bool((value == model.state_dict()[name]).all()) for name, value in loaded.state_dict().items())
    parts[0].unlink()
    with pytest.raises(ModelError, match=f"lacks parts of its weights: expected {parts[0].name}"):
        weight_files(tmp_path, DIFFUSERS_WEIGHTS)


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path):
    (tmp_path / "secret.safetensors").touch()
    folder = tmp_path / "model"
    folder.mkdir()
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(ModelError, match="lacks parts"):
        weight_files(folder, DIFFUSERS_WEIGHTS)


def test_tensors_without_values_are_an_error(altered: Altered):
    import diffusers

    copy = altered("vae", WEIGHTS, lambda tensors: tensors.pop("decoder.conv_out.bias"))
    with pytest.raises(
        ModelError, match=r"no values for 1 of the tensors of AutoencoderKL, such as decoder\.conv_out\.bias"
    ):
        load_model(diffusers.AutoencoderKL, copy)


def test_damaged_weights_are_an_error_of_one_line(models: Path, tmp_path: Path):
    import diffusers

    copy = tmp_path / "vae"
    shutil.copytree(models / "vae", copy)
    weights = copy / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_model(diffusers.AutoencoderKL, copy)
    assert "\n" not in str(caught.value)


class LoopbackHub(BaseHTTPRequestHandler):
    """What the Hub answers for one model: the commit of a branch, the list of files, and the files."""

    folder: Path
    served: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path == "/api/models/org/vae/revision/main":
            self._send(
                json.dumps({"id": "org/vae", "sha": COMMIT, "siblings": []}).encode(), "application/json", body=body
            )
        elif path == f"/api/models/org/vae/tree/{COMMIT}":
            files = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": file.name}
                for file in self.folder.iterdir()
            ]
            self._send(json.dumps(files).encode(), "application/json", body=body)
        elif (file := self.folder / path.removeprefix(f"/org/vae/resolve/{COMMIT}/")).is_file():
            self.served.append(file.name)
            self._send(file.read_bytes(), "application/octet-stream", body=body)
        else:
            self.send_error(404)

    def _send(self, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture
def loopback_hub(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[LoopbackHub]]:
    folder = tmp_path / "published"
    shutil.copytree(models / "vae", folder)
    (folder / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    handler = type("Hub", (LoopbackHub,), {"folder": folder, "served": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(
            huggingface_hub.constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            f"http://127.0.0.1:{server.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
        )
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield handler
        server.shutdown()


def test_of_a_hub_model_only_what_is_needed_is_fetched(
    loopback_hub: type[LoopbackHub], capfd: pytest.CaptureFixture[str]
):
    folder = find_model("org/vae", "main", ("config.json", WEIGHTS))
    assert sorted(file.name for file in folder.path.iterdir()) == ["config.json", WEIGHTS]
    assert set(loopback_hub.served) == {"config.json", WEIGHTS}
    assert folder.revision(weight_files(folder.path, DIFFUSERS_WEIGHTS)) == COMMIT
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def hub_cache(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub's cache, with one model in it, on a machine that is offline."""
    repository = tmp_path / "hub" / "models--org--vae"
    shutil.copytree(models / "vae", repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return repository


@pytest.mark.parametrize("revision", ["", "main", COMMIT])
def test_a_hub_model_is_found_offline_and_known_by_its_commit(hub_cache: Path, revision: str):
    folder = find_model("org/vae", revision, ("*.json", "*.safetensors"))
    assert folder.path == hub_cache / "snapshots" / COMMIT
    assert folder.name == "org/vae"
    assert folder.revision(weight_files(folder.path, DIFFUSERS_WEIGHTS)) == COMMIT


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize(("model", "revision"), [("org/other", ""), ("org/vae", "no-such-branch")])
def test_a_hub_model_that_is_not_there_is_an_error_of_one_line(model: str, revision: str):
    with pytest.raises(
        ModelError, match=f"model {model}: there is no such folder, and the Hub does not give it"
    ) as caught:
        find_model(model, revision, ("*.json",))
    assert "\n" not in str(caught.value)
