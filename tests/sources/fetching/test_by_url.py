"""What img2dataset really does with the listings of all sources that list URLs: one run, as each start costs seconds."""

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.base import Fetched, Listing
from sources.coco import CocoConfig
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.laion import LaionConfig
from sources.open_images import HEADER, OpenImagesConfig
from sources.url_list import UrlListConfig

JPEG = b"\xff\xd8\xff\xe0 as good as a photograph \xff\xd9"
HTML = b"<!DOCTYPE html><title>This photo is no longer available</title>"

PUBLISHED = {
    "OriginalSize": str(len(JPEG)),
    "OriginalMD5": base64.b64encode(hashlib.md5(JPEG).digest()).decode(),  # noqa: S324
}

Expected = list[tuple[Listing, bytes | Reason]]


@pytest.fixture
def web(server: Any) -> Any:
    """A server that answers in many ways."""
    server.routes |= {
        "/photo.jpg": lambda handler: handler.answer(JPEG),
        "/moved.jpg": lambda handler: handler.answer(b"", status=302, Location="/photo.jpg"),
        "/page.jpg": lambda handler: handler.answer(HTML),
        "/short.jpg": lambda handler: handler.answer(JPEG[:9], length=len(JPEG)),
        "/huge.jpg": lambda handler: handler.answer(b"", length=10**12),
        "/mine.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="noai"),
        "/for-others.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="otherbot: noai"),
        "/%C3%BCnder.jpg": lambda handler: handler.answer(JPEG),
        "/for-us.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="twinset: noimageai"),
    }
    return server


def open_images(folder: Path, web: Any) -> Expected:
    unchecked = {"OriginalSize": "", "OriginalMD5": ""}
    rows: list[tuple[str, dict[str, str], bytes | Reason]] = [
        ("/photo.jpg", PUBLISHED | {"Title": 'a, "b"\nc', "Rotation": "90.0"}, JPEG),
        ("/missing.jpg", PUBLISHED, Reason.NOT_FOUND),
        ("/photo.jpg", PUBLISHED, JPEG),
        ("/moved.jpg", PUBLISHED, JPEG),
        ("/page.jpg", unchecked, HTML),
        ("/page.jpg", PUBLISHED, Reason.DIGEST_MISMATCH),
        ("/photo.jpg", PUBLISHED | {"OriginalSize": "1"}, Reason.DIGEST_MISMATCH),
        ("/photo.jpg", PUBLISHED | {"OriginalMD5": base64.b64encode(bytes(16)).decode()}, Reason.DIGEST_MISMATCH),
        ("/short.jpg", PUBLISHED, Reason.DOWNLOAD_FAILED),
        ("/huge.jpg", PUBLISHED, Reason.TOO_LARGE),
        ("/mine.jpg", PUBLISHED, Reason.OPTED_OUT),
        ("/for-others.jpg", PUBLISHED, JPEG),
        ("/for-us.jpg", PUBLISHED, Reason.OPTED_OUT),
        ("/ünder.jpg", PUBLISHED, JPEG),
        ("", PUBLISHED | {"OriginalURL": "no address"}, Reason.NOT_FOUND),
    ]
    with (folder / "images.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="")
        writer.writeheader()
        for number, (path, row, _) in enumerate(rows):
            writer.writerow({"ImageID": f"{number:016x}", "Subset": "train", "OriginalURL": web.url(path)} | row)
    listings = OpenImagesConfig(csv=str(folder / "images.csv")).open().list()
    return list(zip(listings, (outcome for _, _, outcome in rows), strict=True))


def laion(folder: Path, web: Any) -> Expected:
    table = pa.table({"URL": [web.url("/photo.jpg"), web.url("/gone.jpg")], "TEXT": ["a photo", "b"], "hash": [7, 8]})
    pq.write_table(table, folder / "part-00000-x-c000.snappy.parquet")
    return list(zip(LaionConfig(path=str(folder)).open().list(), [JPEG, Reason.NOT_FOUND], strict=True))


def coco(folder: Path, web: Any) -> Expected:
    image = {"id": 9, "license": 4, "file_name": "9.jpg", "width": 1, "height": 1, "coco_url": web.url("/photo.jpg")}
    annotations = [{"id": 1, "image_id": 9, "caption": "a photo"}]
    licenses = [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}]
    captions = {"images": [image], "licenses": licenses, "annotations": annotations}
    (folder / "captions.json").write_text(json.dumps(captions))
    return list(zip(CocoConfig(path=str(folder / "captions.json")).open().list(), [JPEG], strict=True))


def url_list(folder: Path, web: Any) -> Expected:
    good, bad = hashlib.sha256(JPEG).hexdigest(), hashlib.sha256(HTML).hexdigest()
    rows = [{"url": web.url("/photo.jpg"), "sha256": digest, "generator": "SDXL"} for digest in (good, bad)]
    (folder / "list.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    listings = UrlListConfig(path=str(folder / "list.jsonl")).open().list()
    return list(zip(listings, [JPEG, Reason.DIGEST_MISMATCH], strict=True))


def test_the_real_img2dataset_fetches_what_it_can_and_says_why_not(
    tmp_path: Path, web: Any, capfd: pytest.CaptureFixture[str]
):
    from_open_images = open_images(tmp_path, web)
    expected = from_open_images + laion(tmp_path, web) + coco(tmp_path, web) + url_list(tmp_path, web)
    listings = [listing for listing, _ in expected]
    settings = FetchSettings(deadline=60.0, retries=1, private_hosts=frozenset({"127.0.0.1"}))
    fetched = list(fetch_urls(listings, tmp_path / "work", "mixed", settings, max_bytes=2**20))

    assert [listing for listing, _ in fetched] == listings
    outcomes = [outcome for _, outcome in fetched]
    found = [outcome.data if isinstance(outcome, Fetched) else outcome.reason for outcome in outcomes]
    assert found == [outcome for _, outcome in expected]

    images = [outcome.image for outcome in outcomes if isinstance(outcome, Fetched)]
    assert {image.key for image in images if image.size == len(JPEG)} == {hashlib.sha256(JPEG).hexdigest()[:16]}
    assert (images[0].title, images[0].rotation, images[0].source) == ('a, "b"\nc', 90, "mixed")
    captions = [(image.source_caption, image.terms, image.made is not None) for image in images[-3:]]
    assert captions == [("a photo", "unknown", False), ("a photo", "open", False), ("", "unknown", True)]
    missing = outcomes[1]
    assert isinstance(missing, RejectedItem)
    assert missing.detail == "HTTP 404"

    assert {path: web.hits[path] for path in ("/missing.jpg", "/mine.jpg", "/short.jpg")} == {
        "/missing.jpg": 1,
        "/mine.jpg": 1,
        "/short.jpg": 2,  # the one failure of these that may pass
    }
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["answers.jsonl", "img2dataset.log"]
    assert capfd.readouterr() == ("", "")
