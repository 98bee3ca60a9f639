"""Publishing to the Hub: a Hub on this machine takes datasets and gives them as the real one does."""

import base64
import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import DatasetCard, constants

from flows.publish import publish_dataset
from manifests.errors import TwinsetError
from manifests.storage import Folder
from manifests.verify.run import Verification
from tests.flows.publishing_sets import contents, third_is_closed, with_terms

pytestmark = [
    pytest.mark.xdist_group("stages"),
    # the Hub's own library sends large files in a way that its transport is about to drop
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

REPO, COMMIT = "some-org/small", "89abcdef0123456789abcdef0123456789abcdef"
TOKEN = "hf_only_here_and_nowhere_else_0123456789"  # noqa: S105 - of the Hub on this machine


class DatasetHub(ThreadingHTTPServer):
    """Datasets by name; large files by their sha256. It fails at one request, where it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.datasets: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.commits: list[list[str]] = []
        self.refuses_commits_after: int | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def is_large(name: str) -> bool:
    return name.endswith((".tar", ".parquet"))


class Handler(BaseHTTPRequestHandler):
    server: DatasetHub
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        """What was sent, as a whole or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self) -> None:
        body = self.body()
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            asked = json.loads(body)
            self.server.created.append(asked)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.datasets.setdefault(name, {".gitattributes": b"*.tar filter=lfs\n"})
            self.answer({"url": f"{self.server.endpoint}/datasets/{name}"})
        elif path == "/api/validate-yaml":
            self.answer({"warnings": [], "errors": []})
        elif path.endswith("/preupload/main"):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})
        elif path.endswith(".git/info/lfs/objects/batch"):
            self.answer({"transfer": "basic", "objects": [self.action(entry) for entry in json.loads(body)["objects"]]})
        elif path.endswith("/commit/main"):
            self.commit(path.split("/commit/")[0].removeprefix("/api/datasets/"), body)
        elif path.endswith("/paths-info/main"):
            asked = re.findall(r"paths=([^&]+)", body.decode()) or json.loads(body or b"{}").get("paths", [])
            files = self.server.datasets[path.removeprefix("/api/datasets/").split("/paths-info/")[0]]
            self.answer([entry(name, files[name]) for name in map(unquote, asked) if name in files])
        else:
            self.answer({}, status=404)

    def action(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in self.server.large:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self.server.endpoint}/large/{asked['oid']}"}}}

    def do_PUT(self) -> None:
        body = self.body()
        assert hashlib.sha256(body).hexdigest() == self.path.rpartition("/")[2]
        self.server.large[hashlib.sha256(body).hexdigest()] = body
        self.answer({})

    def commit(self, repo: str, body: bytes) -> None:
        after = self.server.refuses_commits_after
        if after is not None and len(self.server.commits) >= after:
            self.answer({"error": "come back later"}, status=403)
            return
        files, names = self.server.datasets[repo], []
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            names.append(f"{line['key']} {value.get('path', '')}".strip())
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.server.commits.append(names)
        self.answer({"commitUrl": f"{self.server.endpoint}/{repo}/commit/{COMMIT}", "commitOid": COMMIT})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/[^/]+/?(.*)", path):
            self.answer(tree(self.server.datasets[found[1]], found[2], recursive="recursive=true" in self.path))
        elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(/revision/.+)?", path):
            if found[1] not in self.server.datasets:
                self.answer({"error": "not found"}, status=404, X_Error_Code="RepoNotFound")
                return
            names = [{"rfilename": name} for name in self.server.datasets[found[1]]]
            self.answer({"id": found[1], "sha": COMMIT, "siblings": names, "tags": [], "private": False})
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            data = self.server.datasets[found[1]].get(found[2])
            if data is None:
                self.answer({}, status=404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
            else:
                self.answer(data, ETag=f'"{hashlib.sha256(data).hexdigest()}"', X_Repo_Commit=COMMIT)
        else:
            self.answer({}, status=404)

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


def tree(files: dict[str, bytes], below: str, *, recursive: bool) -> list[dict[str, Any]]:
    start = f"{below}/" if below else ""
    names = [name for name in files if name.startswith(start)]
    direct = [name for name in names if recursive or "/" not in name.removeprefix(start)]
    folders = sorted({start + name.removeprefix(start).split("/")[0] for name in names if name not in direct})
    return [
        *({"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in folders),
        *(entry(name, files[name]) for name in direct),
    ]


def entry(name: str, data: bytes) -> dict[str, Any]:
    git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    listed = {"type": "file", "path": name, "size": len(data), "oid": git}
    if is_large(name):
        listed["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return listed


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DatasetHub]:
    with DatasetHub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", running.endpoint)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        template = running.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def opened(built: Path, tmp_path: Path) -> Path:
    """A dataset all of whose images are open."""
    return with_terms(built, tmp_path / "opened", lambda _image: "open")


def test_what_is_on_the_hub_is_what_a_folder_gets(
    hub: DatasetHub, opened: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    publish_dataset(str(opened), str(tmp_path / "folder"))
    done = publish_dataset(str(opened), f"hf://{REPO}", private=True)
    on_hub = {name: data for name, data in hub.datasets[REPO].items() if name != ".gitattributes"}
    assert on_hub == contents(tmp_path / "folder")
    assert done.written == done.files == len(on_hub)
    for name, data in hub.datasets[REPO].items():
        (tmp_path / "fetched" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fetched" / name).write_bytes(data)
    assert not list(Verification(Folder.at(str(tmp_path / "fetched"))).findings())
    assert hub.created[0]["type"] == "dataset"
    assert hub.created[0]["visibility"] == "private"
    assert DatasetCard(on_hub["README.md"].decode()).data.to_dict()["configs"]
    # the token has opened the door and is written nowhere
    assert not any(TOKEN.encode() in data for data in on_hub.values())
    assert TOKEN not in caplog.text + done.model_dump_json()
    again = publish_dataset(str(opened), f"hf://{REPO}")
    assert (again.written, again.commit) == (0, "")


def test_a_cut_off_upload_goes_on(hub: DatasetHub, opened: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("flows.publishing.hub._BATCH", 2)
    hub.refuses_commits_after = 1
    with pytest.raises(TwinsetError, match=r"some-org/small: the Hub refuses .* run the command again") as caught:
        publish_dataset(str(opened), f"hf://{REPO}")
    assert "\n" not in str(caught.value)
    assert "index.json" not in hub.datasets[REPO]
    sent = {line for line in hub.commits[0] if line.startswith("lfsFile")}
    assert len(sent) == 2
    hub.refuses_commits_after = None
    publish_dataset(str(opened), f"hf://{REPO}")
    assert not sent & {line for names in hub.commits[1:] for line in names}
    assert any("index.json" in line for line in hub.commits[-1])


def test_a_second_publication_sends_what_has_changed_and_removes_what_has_gone(hub: DatasetHub, opened: Path):
    publish_dataset(str(opened), f"hf://{REPO}")
    hub.datasets[REPO]["shards/train-scene-000099.tar"] = b"of an earlier state"
    hub.datasets[REPO]["notes.txt"] = b"somebody's own"
    damaged = next(name for name in hub.datasets[REPO] if name.startswith("shards/"))
    hub.datasets[REPO][damaged] = b"\0" * len(hub.datasets[REPO][damaged])
    publish_dataset(str(opened), f"hf://{REPO}")
    assert "shards/train-scene-000099.tar" not in hub.datasets[REPO]
    assert "notes.txt" in hub.datasets[REPO]
    assert hub.datasets[REPO][damaged] == Folder.at(str(opened)).read(damaged)
    # while a shard is exchanged no index vouches for it
    assert "deletedFile index.json" in hub.commits[-2]
    assert "file index.json" in hub.commits[-1]


def test_lists_of_what_was_withheld_go_when_nothing_is_withheld_any_more(
    hub: DatasetHub, built: Path, opened: Path, tmp_path: Path
):
    mixed = with_terms(built, tmp_path / "mixed", third_is_closed)
    publish_dataset(str(mixed), f"hf://{REPO}")
    assert {"complete.jsonl", "withheld.csv"} <= set(hub.datasets[REPO])
    publish_dataset(str(opened), f"hf://{REPO}")
    publish_dataset(str(opened), str(tmp_path / "folder"))
    # they would go on naming images that were taken down meanwhile
    assert set(hub.datasets[REPO]) - {".gitattributes"} == set(contents(tmp_path / "folder"))


def test_the_published_dataset_loads_from_the_hub(
    hub: DatasetHub, opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import datasets

    publish_dataset(str(opened), f"hf://{REPO}")
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.endpoint)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    loaded = datasets.load_dataset(REPO, "scene", cache_dir=str(tmp_path / "cache"))
    assert {"real.jpg", "sd.jpg", "vae.jpg", "json"} <= set(loaded["train"].column_names)
    assert loaded["train"][0]["real.jpg"].size == (64, 64)


@pytest.mark.parametrize("target", ["hf://name", "hf://a/b/c"])
def test_what_is_no_repository_is_refused(opened: Path, target: str):
    with pytest.raises(TwinsetError, match="expected hf://ORG/NAME"):
        publish_dataset(str(opened), target)
