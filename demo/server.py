"""A loopback web server for the demo world, with addresses that fail in the ways of the real web."""

import contextlib
import http.server
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from demo.world import IMAGE_LIST, Entry, photograph_path, read_world, write_image_list, write_world
from manifests.errors import TwinsetError

# fixed, so that the list's addresses, and so the dataset's bytes, are the same on every run
DEMO_PORT = 8399

_HOST = "127.0.0.1"
# the longest that an address which never answers holds its connection, in seconds
_SILENCE = 120.0
_PAGE = b"<!doctype html><title>Gone</title><p>This photograph is no longer here.</p>"
_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DemoWorld:
    """A demo world that is being served: the server's address and the entries."""

    url: str
    entries: tuple[Entry, ...]


@contextlib.contextmanager
def demo_world(directory: Path, count: int, seed: int = 0, port: int = DEMO_PORT) -> Iterator[DemoWorld]:
    """Write a demo world into ``directory`` unless it is there, and serve it while the context lasts.

    The same arguments give the same files, the list included; port 0 takes any free port, which the list then names.

    Raises:
        TwinsetError: the port is taken, or the folder holds another demo world.
    """
    entries = write_world(directory, count, seed)
    with serve(directory, port) as url:
        write_image_list(directory, url)
        yield DemoWorld(url, entries)


@contextlib.contextmanager
def serve(directory: Path, port: int = 0) -> Iterator[str]:
    """Serve the photographs of a written demo world on the loopback address; gives the server's base URL.

    Raises:
        TwinsetError: the port is taken, or there is no demo world in ``directory``.
    """
    server = _open(directory, read_world(directory), port)
    thread = threading.Thread(target=server.serve_forever, name="demo-images", daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_address[1]}"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _open(directory: Path, entries: tuple[Entry, ...], port: int) -> "_Server":
    try:
        return _Server(directory, entries, port)
    except OSError as error:
        raise TwinsetError(
            f"port {port} on {_HOST} cannot be opened ({error.strerror}): stop what uses it, perhaps another demo, "
            "or give another port"
        ) from error


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, directory: Path, entries: tuple[Entry, ...], port: int) -> None:
        self.directory = directory
        self.by_path = {entry.path: entry for entry in entries}
        self.closing = threading.Event()
        super().__init__((_HOST, port), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        entry = self.server.by_path.get(self.path)
        if self.path == f"/{IMAGE_LIST}":
            image_list = (self.server.directory / IMAGE_LIST).read_bytes()
            self._send(image_list, "text/csv", len(image_list))
        elif entry is None or entry.fault == "missing" or not photograph_path(self.server.directory, entry).exists():
            self.send_error(HTTPStatus.NOT_FOUND)
        elif entry.fault == "silent":
            self.server.closing.wait(_SILENCE)
        elif entry.fault == "html":
            self._send(_PAGE, "text/html", len(_PAGE))
        else:
            body = photograph_path(self.server.directory, entry).read_bytes()
            sent = body[: len(body) // 2] if entry.fault == "cut-short" else body
            self._send(sent, _MEDIA_TYPES[Path(entry.file).suffix], len(body))

    def _send(self, body: bytes, media_type: str, announced: int) -> None:
        """Answer with ``body`` and a header that announces so many bytes."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's name for it
        _log.debug(format, *args)
