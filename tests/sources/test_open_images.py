"""Open Images: its metadata files, and images fetched by the real img2dataset from a server on this machine."""

import csv
import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import SourceError
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


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path):
    data = metadata({})
    expected = list(open_images(tmp_path / "plain.csv", data).list())
    assert list(open_images(tmp_path / "other.csv", b"\xef\xbb\xbf" + data + b"\r\n\n").list()) == expected
