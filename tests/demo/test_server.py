import http.client
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from demo.server import DemoWorld, demo_world, serve
from demo.world import IMAGE_LIST, Entry, photograph_path, write_world
from manifests.errors import TwinsetError

Served = tuple[Path, DemoWorld]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("served")
    with demo_world(folder, 100, port=0) as served:
        yield folder, served


def entry_with(world: Served, fault: str | None) -> Entry:
    return next(entry for entry in world[1].entries if entry.fault == fault)


def fetched(world: Served, entry: Entry, timeout: float = 5.0) -> tuple[Message, bytes]:
    with urllib.request.urlopen(world[1].url + entry.path, timeout=timeout) as answer:  # noqa: S310 - the loopback server
        return answer.headers, answer.read()


def test_the_list_names_the_server(world: Served):
    listed = (world[0] / IMAGE_LIST).read_text("utf-8")
    assert world[1].entries[0].path in listed
    assert world[1].url in listed


@pytest.mark.parametrize("fault", [None, "wrong-digest"])
def test_a_working_address_gives_the_file(world: Served, fault: str | None):
    entry = entry_with(world, fault)
    headers, body = fetched(world, entry)
    assert body == photograph_path(world[0], entry).read_bytes()
    assert headers["Content-Type"] == "image/jpeg"


def test_a_missing_one_is_not_found(world: Served):
    for path in (entry_with(world, "missing").path, "/photos/../world.json", "/"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(world[1].url + path, timeout=60)  # noqa: S310 - the loopback server
        assert error.value.code == 404
        error.value.close()


def test_a_silent_one_never_answers(world: Served):
    with pytest.raises(TimeoutError):
        fetched(world, entry_with(world, "silent"), timeout=0.3)


def test_a_page_comes_under_an_image_name(world: Served):
    entry = entry_with(world, "html")
    headers, body = fetched(world, entry)
    assert entry.path.endswith(".jpg")
    assert headers["Content-Type"] == "text/html"
    assert body.startswith(b"<!doctype html>")


def test_a_body_is_cut_short(world: Served):
    with pytest.raises(http.client.IncompleteRead):
        fetched(world, entry_with(world, "cut-short"))


def test_closing_does_not_wait_for_a_silent_address(tmp_path: Path):
    entries = write_world(tmp_path, 40)
    silent = next(entry for entry in entries if entry.fault == "silent")
    with serve(tmp_path) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        connection.request("GET", silent.path)
        time.sleep(0.1)
        before = time.monotonic()
    assert time.monotonic() - before < 20
    connection.close()


def test_a_taken_port_is_named(world: Served, tmp_path: Path):
    write_world(tmp_path, 1)
    port = int(world[1].url.rpartition(":")[2])
    with pytest.raises(TwinsetError, match=f"port {port} on 127.0.0.1"), serve(tmp_path, port):
        pass
