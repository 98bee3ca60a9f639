"""Open Images: its metadata files, and images fetched by the real img2dataset from a server on this machine."""

import base64
import csv
import gzip
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched
from sources.open_images import HEADER, OpenImages, OpenImagesConfig

PUBLISHED = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation"
)
ROW = {
    "ImageID": "4fa8054781a4c382",
    "Subset": "train",
    "OriginalURL": "https://farm3.staticflickr.com/5310/5898076654_51085e157c_o.jpg",
    "OriginalLandingURL": "https://www.flickr.com/photos/USER/5898076654",
    "License": "https://creativecommons.org/licenses/by/2.0/",
    "AuthorProfileURL": "https://www.flickr.com/people/USER/",
    "Author": "AUTHOR",
    "Title": "...die FNF-Kerze",
    "OriginalSize": "4405052",
    "OriginalMD5": "KFukvivpCM5QXl5SqKe41g==",
    "Thumbnail300KURL": "https://c1.staticflickr.com/6/5310/5898076654_00643a940c_z.jpg",
    "Rotation": "0.0",
}
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def metadata(*rows: Mapping[str, str]):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({**ROW, **row} for row in rows)
    return stream.getvalue().encode()


def open_images(path: Path, data: bytes | None = None, **settings_: Any):
    if data is not None:
        path.write_bytes(data)
    return OpenImages(OpenImagesConfig.model_validate({"csv": str(path)} | settings_))


def failure(source: OpenImages):
    with pytest.raises(SourceError) as caught:
        list(source.list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_published_row_becomes_a_listing(tmp_path: Path):
    data = f"{PUBLISHED}\n{','.join(ROW.values())}\n".encode()
    [listing] = open_images(tmp_path / "images.csv", data).list()
    assert listing.source_id == "4fa8054781a4c382"
    assert listing.url == ROW["OriginalURL"]
    assert listing.landing_url == ROW["OriginalLandingURL"]
    assert listing.license == ROW["License"]
    assert (listing.author, listing.author_url, listing.title) == ("AUTHOR", ROW["AuthorProfileURL"], ROW["Title"])
    assert (listing.size, listing.md5) == (4405052, "285ba4be2be908ce505e5e52a8a7b8d6")
    assert (listing.variant, listing.rotation, listing.class_label) == ("original", 0, "")


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"Author": PLAIN, "Title": PLAIN}), max_size=5))
def test_titles_may_hold_commas_quotes_and_newlines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
):
    source = open_images(tmp_path_factory.mktemp("csv") / "images.csv", metadata(*rows))
    assert [{"Author": row.author, "Title": row.title} for row in source.list()] == rows


@pytest.mark.parametrize(
    ("text", "degrees"), [("", 0), ("nan", 0), ("NaN", 0), ("0.0", 0), ("90.0", 90), ("180", 180), ("270.0", 270)]
)
def test_rotation_is_in_degrees_and_unknown_is_none(tmp_path: Path, text: str, degrees: int):
    [listing] = open_images(tmp_path / "images.csv", metadata({"Rotation": text})).list()
    assert listing.rotation == degrees


def test_the_mirrors_copy_is_not_held_to_the_size_and_digest_of_the_original(tmp_path: Path):
    [listing] = open_images(tmp_path / "images.csv", metadata(ROW), variant="rescaled").list()
    assert listing.url == "https://open-images-dataset.s3.amazonaws.com/train/4fa8054781a4c382.jpg"
    assert (listing.variant, listing.size, listing.md5) == ("rescaled", None, "")


def test_a_compressed_file_is_read_as_well(tmp_path: Path):
    source = open_images(tmp_path / "images.csv.gz", gzip.compress(metadata(ROW, ROW)))
    assert len(list(source.list())) == 2
    cut = gzip.compress(metadata(*[{"Title": str(hash(str(i)))} for i in range(500)]))[:-20]
    assert "fetch it again" in failure(open_images(tmp_path / "images.csv.gz", cut))


def test_a_limit_reads_the_file_as_a_stream(tmp_path: Path):
    rows = metadata(*[{"ImageID": f"{number:016x}"} for number in range(200)])
    first = open_images(tmp_path / "images.csv", rows + b"broken\n", limit=5, order="source")
    assert [listing.source_id for listing in first.list()] == [f"{number:016x}" for number in range(5)]
    assert len(list(open_images(tmp_path / "images.csv", rows, limit=50).list())) == 50


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1, column 1: 'nothing' stands where 'ImageID' is expected"),
        (b"id,url\n", "line 1, column 1: 'id' stands where 'ImageID' is expected"),
        (PUBLISHED.replace("Rotation", "Angle").encode(), "line 1, column 12: 'Angle' stands where 'Rotation'"),
        (f"{PUBLISHED},Extra\n".encode(), "line 1, column 13: 'Extra' stands where 'nothing' is expected"),
        (metadata(ROW) + b"0000,train\n", "line 3: 2 columns, 12 are expected"),
        (metadata(ROW, {"Rotation": "45.0"}), "line 3, column Rotation: '45.0'"),
        (metadata({"OriginalSize": "big"}), "line 2, column OriginalSize: 'big'"),
        (metadata({"OriginalMD5": "285ba4be"}), "line 2, column OriginalMD5: '285ba4be'"),
        (metadata({"OriginalMD5": "?"}), "line 2, column OriginalMD5: '?'"),
        (metadata({"Title": "é"}).decode().encode("latin-1"), "not a CSV in UTF-8"),
        (metadata({"Title": "x" * 200_000}), "not a CSV in UTF-8"),
    ],
)
def test_a_file_that_is_not_as_published_is_one_clear_line(tmp_path: Path, data: bytes, words: str):
    message = failure(open_images(tmp_path / "images.csv", data))
    assert words in message
    assert "images.csv" in message


def test_a_missing_file_is_one_clear_line(tmp_path: Path):
    assert "nowhere.csv: there is no such file" in failure(open_images(tmp_path / "nowhere.csv"))


JPEG = b"\xff\xd8\xff\xe0 as good as a photograph \xff\xd9"
HTML = b"<!DOCTYPE html><title>This photo is no longer available</title>"


def drip(handler: Any):
    handler.send_response(200)
    handler.end_headers()
    while not handler.wait(0.2):
        handler.wfile.write(b"x")


def test_the_real_img2dataset_fetches_what_it_can_and_says_why_not(
    tmp_path: Path, server: Any, capfd: pytest.CaptureFixture[str]
):
    """One run for all outcomes: each start of img2dataset costs seconds."""
    server.routes |= {
        "/photo.jpg": lambda handler: handler.answer(JPEG),
        "/moved.jpg": lambda handler: handler.answer(b"", status=302, Location="/photo.jpg"),
        "/page.jpg": lambda handler: handler.answer(HTML),
        "/silent.jpg": lambda handler: handler.wait(),
        "/drip.jpg": drip,
        "/short.jpg": lambda handler: handler.answer(JPEG[:9], length=len(JPEG)),
        "/huge.jpg": lambda handler: handler.answer(b"", length=10**12),
        "/mine.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="noai"),
        "/for-others.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="otherbot: noai"),
        "/for-us.jpg": lambda handler: handler.answer(JPEG, X_Robots_Tag="twinset: noimageai"),
    }
    published = {"OriginalSize": str(len(JPEG)), "OriginalMD5": base64.b64encode(hashlib.md5(JPEG).digest()).decode()}  # noqa: S324
    unchecked = {"OriginalSize": "", "OriginalMD5": ""}
    another = base64.b64encode(bytes(16)).decode()
    expected: list[tuple[str, dict[str, str], bytes | Reason]] = [
        ("/photo.jpg", published | {"Title": 'a, "b"\nc', "Rotation": "90.0"}, JPEG),
        ("/missing.jpg", published, Reason.NOT_FOUND),
        ("/photo.jpg", published, JPEG),
        ("/moved.jpg", published, JPEG),
        ("/page.jpg", unchecked, HTML),
        ("/page.jpg", published, Reason.DIGEST_MISMATCH),
        ("/photo.jpg", published | {"OriginalSize": "1"}, Reason.DIGEST_MISMATCH),
        ("/photo.jpg", published | {"OriginalMD5": another}, Reason.DIGEST_MISMATCH),
        ("/silent.jpg", published, Reason.TIMEOUT),
        ("/drip.jpg", published, Reason.TIMEOUT),
        ("/short.jpg", published, Reason.DOWNLOAD_FAILED),
        ("/huge.jpg", published, Reason.TOO_LARGE),
        ("/mine.jpg", published, Reason.OPTED_OUT),
        ("/for-others.jpg", published, JPEG),
        ("/for-us.jpg", published, Reason.OPTED_OUT),
    ]
    rows = [{"ImageID": f"{i:016x}", "OriginalURL": server.url(p)} | row for i, (p, row, _) in enumerate(expected)]
    source = open_images(tmp_path / "images.csv", metadata(*rows), fetch={"deadline": 6.0, "retries": 1})
    listings = list(source.list())
    fetched = list(source.fetch(listings, tmp_path / "work"))

    assert [listing for listing, _ in fetched] == listings
    outcomes = [outcome for _, outcome in fetched]
    found = [outcome.data if isinstance(outcome, Fetched) else outcome.reason for outcome in outcomes]
    assert found == [outcome for _, _, outcome in expected]

    first, missing = outcomes[0], outcomes[1]
    assert isinstance(first, Fetched)
    assert first.image.key == hashlib.sha256(JPEG).hexdigest()[:16]
    assert (first.image.title, first.image.rotation, first.image.source) == ('a, "b"\nc', 90, "open-images")
    assert isinstance(missing, RejectedItem)
    assert missing.detail == "HTTP 404"

    assert {path: server.hits[path] for path in ("/missing.jpg", "/mine.jpg", "/silent.jpg", "/short.jpg")} == {
        "/missing.jpg": 1,
        "/mine.jpg": 1,
        "/silent.jpg": 1,
        "/short.jpg": 2,  # the one failure of these that may pass
    }
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["img2dataset.log"]
    assert capfd.readouterr() == ("", "")
