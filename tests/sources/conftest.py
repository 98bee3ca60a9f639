import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Route = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the routes of its server."""

    server: "LoopbackServer"

    def do_GET(self) -> None:
        self.server.hits[self.path] += 1
        self.server.asked.set()
        route = self.server.routes.get(self.path)
        if route is None:
            self.send_error(404)
            return
        try:
            route(self)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client gave up, as it should

    def answer(self, body: bytes, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        """A whole answer; `length` is what Content-Length claims where that is not the truth."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def wait(self, seconds: float = 60) -> bool:
        """Pause until the test is over, or for some seconds; whether the test is over."""
        return self.server.over.wait(seconds)

    def log_message(self, *args: object) -> None:  # noqa: ARG002
        return


class LoopbackServer(ThreadingHTTPServer):
    """A web server on this machine: a function for each path, 404 elsewhere."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Route] = {}
        self.hits: Counter[str] = Counter()
        self.asked = threading.Event()
        self.over = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The commit of all datasets of the loopback Hub."""


class HubHandler(Handler):
    """Answers as the Hub does where datasets are listed and their files are read."""

    server: "LoopbackHub"

    def do_GET(self) -> None:
        place = self.path.partition("?")[0]
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/revision/([^/]+)", place):
            self._answer_info(*found.groups())
        elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/([0-9a-f]{40})/?(.*)", place):
            self._answer_tree(*found.groups())
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)", place):
            self._answer_file(*found.groups())
        else:
            self._refuse("EntryNotFound")

    def _answer_info(self, repo: str, revision: str) -> None:
        if repo not in self.server.datasets:
            self._refuse("RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse("RevisionNotFound")
        else:
            siblings = [{"rfilename": name} for name in self.server.datasets[repo]]
            card = self.server.cards.get(repo)
            self._answer_json({"id": repo, "sha": COMMIT, "siblings": siblings, "cardData": card})

    def _answer_tree(self, repo: str, _: str, folder: str) -> None:
        files = self.server.datasets[repo]
        self._answer_json(
            [
                {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                for name, data in files.items()
                if name.rpartition("/")[0] == folder
            ]
        )

    def _answer_file(self, repo: str, _: str, name: str) -> None:
        data = self.server.datasets[repo].get(name)
        if data is None or repo in self.server.gated:  # what a gated set holds is public, its files are not
            self._refuse(*("EntryNotFound", 404) if data is None else ("GatedRepo", 403))
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = data[int(asked[1]) : int(asked[2]) + 1] if asked else data
        self.server.sent[name] += len(part)
        self.answer(part, status=206 if asked else 200, ETag='"0"', X_Repo_Commit=COMMIT)

    def _answer_json(self, content: Any) -> None:
        self.answer(json.dumps(content).encode(), Content_Type="application/json")

    def _refuse(self, code: str, status: int = 404) -> None:
        self.answer(b"{}", status=status, X_Error_Code=code)


class LoopbackHub(ThreadingHTTPServer):
    """A Hub on this machine: files of datasets by name, cards, and how many bytes of each file were sent."""

    daemon_threads = True
    commit = COMMIT

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.datasets: dict[str, dict[str, bytes]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.gated: set[str] = set()
        self.sent: Counter[str] = Counter()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub on this machine, which `huggingface_hub` asks instead of the real one."""
    from huggingface_hub import constants

    with LoopbackHub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        endpoint = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def hub_parquet() -> Callable[..., bytes]:
    """See `_hub_parquet`."""
    return _hub_parquet


def _hub_parquet(
    columns: Mapping[str, Sequence[Any]],
    class_names: Mapping[str, Sequence[str]] | None = None,
    *,
    row_group_size: int = 4,
) -> bytes:
    """A Parquet file as `datasets` pushes it to the Hub: images as structs, features in the schema's metadata.

    Args:
        columns: cells by column; those that are bytes, or None among bytes, become `{bytes, path}`.
        class_names: names of the classes by column.
        row_group_size: rows.
    """
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features: dict[str, Any] = {}
    arrays = {}
    for name, cells in columns.items():
        if any(isinstance(cell, bytes) for cell in cells):
            arrays[name] = pa.array([{"bytes": cell, "path": f"{n}.jpg"} for n, cell in enumerate(cells)], image)
            features[name] = {"_type": "Image"}
        else:
            arrays[name] = pa.array(cells)
            names = (class_names or {}).get(name)
            features[name] = {"names": list(names), "_type": "ClassLabel"} if names else {"_type": "Value"}
    table = pa.table(arrays).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=row_group_size)
    return stream.getvalue()
