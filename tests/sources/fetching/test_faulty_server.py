"""A server with all the faults of the web: each item has its reason, nothing hangs, nothing stops the run."""

import base64
import csv
import gzip
import hashlib
import io
import json
import socket
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from demo.photographs import take_photograph
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.records import ScreenedImage, StoredImage
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from flows.stages.screen import ScreenStage
from manifests.records import Reason
from sources.fetching.answers import ANSWERS, read_answers
from sources.open_images import HEADER

DEADLINE = 5.0
PHOTOGRAPH = next(photograph for number in range(20) if (photograph := take_photograph(number)).suffix == ".jpg").data
HTML = b"<!doctype html><title>gone</title>"
KEPT = "kept"

RECIPE = f"""
name = "faults"

[[sources]]
type = "open-images"
csv = "images.csv"
max_bytes = {2**20}
fetch = {{ deadline = {DEADLINE}, retries = 1, private_hosts = ["127.0.0.1"] }}

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "source"

[[generators]]
name = "vae"
method = "reconstruct"
model = "models/none"
"""


def head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


def hung_up(handler: Any):
    """The connection is reset."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hung_up_midway(handler: Any):
    handler.wfile.write(head(f"Content-Length: {len(PHOTOGRAPH)}") + PHOTOGRAPH[:1000])
    hung_up(handler)


def drip(handler: Any):
    handler.wfile.write(head(f"Content-Length: {len(PHOTOGRAPH)}"))
    while not handler.wait(0.2):
        handler.wfile.write(b"x")


def headers_without_end(handler: Any):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(1000 * b"X-More: more\r\n")


def body_without_end(handler: Any):
    handler.wfile.write(head())
    while True:
        handler.wfile.write(bytes(2**16))


def once(fault: Any):
    """A fault that the second attempt does not meet."""
    hits: list[None] = []

    def route(handler: Any):
        hits.append(None)
        if len(hits) == 1:
            fault(handler)
        else:
            handler.answer(PHOTOGRAPH)

    return route


def answer(body: bytes, **details: Any):
    return lambda handler: handler.answer(body, **details)


def moved(place: str):
    return answer(b"", status=302, Location=place)


FAULTS: dict[str, tuple[Any, Reason | str]] = {
    "none": (answer(PHOTOGRAPH), KEPT),
    "missing": (answer(b"", status=404), Reason.NOT_FOUND),
    "error-once": (once(answer(b"", status=500)), KEPT),
    "error-for-ever": (answer(b"", status=500), Reason.DOWNLOAD_FAILED),
    "reset-once": (once(hung_up), KEPT),
    "reset": (hung_up, Reason.DOWNLOAD_FAILED),
    "reset-midway": (hung_up_midway, Reason.DOWNLOAD_FAILED),
    "silent": (lambda handler: handler.wait(), Reason.TIMEOUT),
    "drip": (drip, Reason.TIMEOUT),
    "page": (answer(HTML), Reason.NOT_AN_IMAGE),
    "moved": (moved("/none"), KEPT),
    "moved-to-page": (moved("/page"), Reason.NOT_AN_IMAGE),
    "moved-to-itself": (moved("/moved-to-itself"), Reason.NOT_FOUND),
    "moved-to-file": (moved("file:///etc/hostname"), Reason.NOT_FOUND),
    "moved-to-secrets": (moved("http://169.254.169.254/latest/meta-data"), Reason.PRIVATE_ADDRESS),
    "declared-too-long": (answer(PHOTOGRAPH, length=len(PHOTOGRAPH) + 1), Reason.DOWNLOAD_FAILED),
    "declared-too-short": (answer(PHOTOGRAPH, length=len(PHOTOGRAPH) // 2), Reason.TRUNCATED),
    "ten-gigabytes": (answer(b"", length=10**10), Reason.TOO_LARGE),
    "endless": (body_without_end, Reason.TOO_LARGE),
    "zipped": (answer(gzip.compress(PHOTOGRAPH), Content_Encoding="gzip"), KEPT),
    "bomb": (answer(gzip.compress(bytes(2**26), 6), Content_Encoding="gzip"), Reason.TOO_LARGE),
    "not-http": (lambda handler: handler.wfile.write(b"+OK POP3 ready\r\n"), Reason.DOWNLOAD_FAILED),
    "endless-headers": (headers_without_end, Reason.DOWNLOAD_FAILED),
    "opted-out": (answer(PHOTOGRAPH, X_Robots_Tag="noai"), Reason.OPTED_OUT),
    "opted-out-for-others": (answer(PHOTOGRAPH, X_Robots_Tag="otherbot: noai"), KEPT),
    "opted-out-for-us": (answer(PHOTOGRAPH, X_Robots_Tag="twinset: noimageai"), Reason.OPTED_OUT),
    "another": (answer(PHOTOGRAPH), Reason.DIGEST_MISMATCH),
}


def image_list(server: Any) -> str:
    text = io.StringIO()
    rows = csv.DictWriter(text, HEADER, restval="")
    rows.writeheader()
    for name in FAULTS:
        digest = base64.b64encode(hashlib.md5(b"another").digest()).decode()  # noqa: S324 - the format's own
        rows.writerow(
            {
                "ImageID": name,
                "OriginalURL": server.url(f"/{name}"),
                "OriginalMD5": digest if name == "another" else "",
            }
        )
    return text.getvalue()


@pytest.fixture
def build(server: Any, tmp_path: Path) -> BuildFolder:
    """A build whose images are listed."""
    server.routes |= {f"/{name}": route for name, (route, _) in FAULTS.items()}
    (tmp_path / "images.csv").write_text(image_list(server))
    (tmp_path / "faults.toml").write_text(RECIPE)
    build = BuildFolder(load_recipe(tmp_path / "faults.toml"), str(tmp_path), str(tmp_path / "out"))
    build.claim()
    for index in ListStage(build).pending():
        ListStage(build).run(index)
    ListStage(build).finish()
    return build


def outcomes(build: BuildFolder):
    """What became of each item, by its id."""
    reals, screen = RealsStage(build).store, ScreenStage(build).store
    found: dict[str, Reason | str] = {reject.key.partition(":")[2]: reject.reason for reject in reals.rejects(0)}
    unusable = {reject.key: reject.reason for reject in screen.rejects(0)}
    usable = {screened.image.source_id for screened in screen.records(0, ScreenedImage)}
    for stored in reals.records(0, StoredImage):
        image = stored.image
        found[image.source_id] = KEPT if image.source_id in usable else unusable[image.key]
    return found


def test_each_fault_has_its_reason_and_none_stops_or_holds_the_run(build: BuildFolder, server: Any):
    for stage in (RealsStage(build), ScreenStage(build)):
        assert stage.pending() == [0]
        stage.run(0)
    assert outcomes(build) == {name: outcome for name, (_, outcome) in FAULTS.items()}

    assert server.hits["/missing"] == server.hits["/opted-out"] == server.hits["/silent"] == 1
    assert server.hits["/error-for-ever"] == server.hits["/reset-once"] == 2

    reals = RealsStage(build)
    told = list(read_answers(reals.store.folder.read(f"00000.{ANSWERS}")))
    assert all(answer.ended - answer.started < DEADLINE + 3 for answer in told)
    places = {urlsplit(answer.url).path: answer for answer in told}
    assert set(places) == {f"/{name}" for name in FAULTS}
    assert places["/moved"].final_url == server.url("/none")
    assert (places["/moved"].status, places["/missing"].status, places["/silent"].status) == (200, 404, 0)
    note = json.loads(reals.note(0))
    assert sum(note["status"].values()) == len(told)
    assert note["status"]["500"] == 3
    assert note["redirected"] == 2
    assert ScreenStage(build).note(0) == ""
