"""What servers answer: the head and body of an answer, and robots.txt."""

import socket
from pathlib import Path
from threading import Thread

import pytest

from sources.fetching.bounded_opener import BoundedOpener
from sources.fetching.downloading import FetchSettings
from sources.fetching.robots import Robots
from tests.fuzz.harness import Target, survive

_WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b"Location: http://127.0.0.1:1/\r\n",
    b"Location: file:///etc/passwd\r\n",
    b"Location: \xff\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Retry-After: " + b"9" * 400 + b"\r\n",
    b"X-Robots-Tag: noai\r\n",
    b"HTTP/1.1 301 \r\n",
    b"ffffffff\r\n",
)


def answers() -> list[bytes]:
    """Whole answers."""
    return [
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nimage",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nimage\r\n0\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: /elsewhere\r\nRetry-After: 1\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nX-Robots-Tag: noimageindex\r\nContent-Length: 0\r\n\r\n",
    ]


def fetch(file: Path) -> None:
    """Ask a server that answers with the file's bytes, whatever it is asked."""
    data = file.read_bytes()
    settings = FetchSettings(robots=False, private_hosts=frozenset({"127.0.0.1"}), deadline=2)
    opener = BoundedOpener(settings, max_bytes=2**20, opted_out=lambda _: False, log=lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(2)
        thread = Thread(target=_serve, args=(server, data), daemon=True)
        thread.start()
        try:
            opener.open(f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg").read()
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, data: bytes) -> None:
    try:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the client went away, or there is nothing more to serve


def read_robots(file: Path) -> None:
    """Ask a robots.txt whether an image may be fetched."""
    data = file.read_bytes()
    Robots("twinset").check("http://example.org/a.jpg", lambda _: data, seconds_left=lambda: 1.0)


TARGETS = [
    Target("answer of a server", "answer", answers, fetch, _WORDS, may_connect=True, examples=60),
    Target(
        "robots.txt",
        "robots.txt",
        lambda: [
            b"User-agent: *\nDisallow: /private*\nAllow: /*.jpg$\nCrawl-delay: 2\n\nUser-agent: twinset\nDisallow: /x\n"
        ],
        read_robots,
        (
            b"*" * 60,
            b"$",
            b"%ff",
            b"\0",
            b"Disallow: " + b"*a" * 30 + b"\n",
            b"Crawl-delay: 1e999\n",
            b"User-agent: *\n",
        ),
    ),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_an_answer_is_taken_or_refused(target: Target, tmp_path: Path):
    survive(target, tmp_path)
