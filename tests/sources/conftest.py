import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
