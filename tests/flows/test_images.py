import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from flows.images import NamedImages
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason


def png(side: int = 8) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (side, side), (10, 200, 30)).save(buffer, "PNG")
    return buffer.getvalue()


class Pictures(BaseHTTPRequestHandler):
    """`/whole.png`, and `/away`, which sends into the private network."""

    def do_GET(self) -> None:
        if self.path == "/whole.png":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(png())
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2/whole.png")
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Pictures) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def reasons(images: NamedImages) -> dict[str, Reason | None]:
    return {Path(name).name: found.reason if isinstance(found, RejectedItem) else None for name, found in images}


def test_a_folder_gives_its_images_by_name_and_passes_over_the_rest(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.png").write_bytes(png())
    (tmp_path / "a.JPG").write_bytes(b"broken, but it says that it is an image")
    (tmp_path / "no-suffix").write_bytes(png())
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_bytes(png())
    (tmp_path / "empty").write_bytes(b"")
    images = NamedImages([str(tmp_path)])
    found = list(images)
    assert [Path(name).name for name, _ in found] == ["a.JPG", "two.png", "no-suffix"]
    assert all(isinstance(data, bytes) for _, data in found)
    assert images.passed_over == 2


def test_what_is_no_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing")
    with (tmp_path / "huge.png").open("wb") as stream:
        stream.truncate(2**33)
    assert reasons(NamedImages([str(tmp_path)])) == {
        "dangling.png": Reason.NOT_FOUND,
        "huge.png": Reason.TOO_LARGE,
        "pipe.png": Reason.NOT_FOUND,
    }


def test_urls_are_fetched_and_lead_nowhere_else(server: str):
    images = NamedImages([f"{server}/whole.png", f"{server}/missing.png", f"{server}/away"])
    assert reasons(images) == {"whole.png": None, "missing.png": Reason.NOT_FOUND, "away": Reason.PRIVATE_ADDRESS}


def test_a_malformed_url_is_named_and_the_others_are_read(server: str):
    images = NamedImages([f"{server}/whole.png", "http://[bad"])
    assert reasons(images) == {"whole.png": None, "[bad": Reason.NOT_FOUND}


def test_a_path_that_is_not_there_is_told_at_once(tmp_path: Path):
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        NamedImages([str(tmp_path / "nothing.png")]).check()
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        NamedImages(["x" * 5000]).check()
    NamedImages(["http://example.org/not-asked.png", str(tmp_path)]).check()


def test_a_named_link_to_nowhere_is_an_answer_and_the_others_are_read(tmp_path: Path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "here.jpg").write_bytes(b"")
    images = NamedImages([str(tmp_path / "gone.jpg"), str(tmp_path / "here.jpg")])
    images.check()
    (_, reason), (_, data) = images
    assert (str(reason), data) == ("not-found: No such file or directory", b"")


def test_a_link_to_itself_is_named_and_the_others_are_read(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"bytes")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    images = NamedImages([str(tmp_path)])
    assert images.at_most == 2
    (_, data), (name, rejection) = images
    assert data == b"bytes"
    assert name == str(tmp_path / "loop.jpg")
    assert isinstance(rejection, RejectedItem)
    assert rejection.reason == Reason.NOT_FOUND
