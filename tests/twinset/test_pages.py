"""`twinset pages` says what is wrong before it starts a server."""

import socket
from pathlib import Path

import pytest

from manifests.errors import TwinsetError
from twinset.commands import pages as module
from twinset.commands.pages import pages

# a manifest's first line is all that is read before the server starts
HEADER = (
    '{"schema_version":1,"twinset":"0","name":"small","salt":"","recipe":{},"generators":[],"views":[],"pairs_per_shard":1,"shards":[],'
    '"encoders":{},"jpeg_tables":{}}\n'
)


def start(dataset: Path | str, port: int = 8501, host: str = "127.0.0.1") -> None:
    pages(str(dataset), model=None, port=port, host=host, browser=False)


def test_where_no_dataset_is(tmp_path: Path):
    with pytest.raises(TwinsetError, match=r"no dataset here.*Give the folder"):
        start(tmp_path / "nowhere")


def test_where_no_detector_is(tmp_path: Path):
    (tmp_path / "manifest.jsonl").write_text(HEADER)
    (tmp_path / "empty").mkdir()
    for model in ("nowhere", "empty"):
        with pytest.raises(TwinsetError, match=rf"{model}: no detector here"):
            pages(str(tmp_path), model=str(tmp_path / model), port=8501, host="127.0.0.1", browser=False)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(TwinsetError, match=r"twinset\[web\]"):
        start(tmp_path)


def test_where_the_port_is_taken(tmp_path: Path):
    (tmp_path / "manifest.jsonl").write_text(HEADER)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TwinsetError, match=f"127.0.0.1:{port}: cannot listen here"):
            start(tmp_path, port)
