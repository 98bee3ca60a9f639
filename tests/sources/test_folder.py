"""A folder of images."""

import logging
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing
from sources.folder import Folder, FolderConfig


def folder(path: Path, **settings: Any):
    return Folder(FolderConfig(path=str(path), **settings))


def put(root: Path, *names: str):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def listed(root: Path, **settings: Any):
    return [(listing.source_id, listing.class_label) for listing in folder(root, **settings).list()]


def test_the_class_is_the_first_sub_folder(tmp_path: Path):
    put(tmp_path, "dog/b.jpg", "dog/a.JPEG", "cat/deep/er/c.png", "loose.webp")
    assert listed(tmp_path) == [
        ("cat/deep/er/c.png", "cat"),
        ("dog/a.JPEG", "dog"),
        ("dog/b.jpg", "dog"),
        ("loose.webp", ""),
    ]


def test_only_the_extensions_asked_for_are_taken(tmp_path: Path):
    put(tmp_path, "a.jpg", "b.txt", "c", "jpg", ".hidden.jpg", ".cache/d.jpg", "e.PPM")
    assert listed(tmp_path) == [("a.jpg", "")]
    assert listed(tmp_path, extensions=(".ppm",)) == [("e.PPM", "")]


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root, "a.jpg")
    put(outside, "secret.jpg")
    (root / "inside.jpg").symlink_to("a.jpg")
    (root / "leak.jpg").symlink_to(outside / "secret.jpg")
    (root / "leaks").symlink_to(outside)
    (root / "circle").symlink_to(root)
    (root / "dangling.jpg").symlink_to("nothing")
    with caplog.at_level(logging.WARNING):
        assert listed(root) == [("a.jpg", ""), ("inside.jpg", "")]
    assert "1 links lead out" in caplog.text
    for source_id in ("leak.jpg", "leaks/secret.jpg", "../outside/secret.jpg", str(outside / "secret.jpg")):
        [(_, outcome)] = folder(root).fetch([Listing(source_id=source_id)], tmp_path)
        assert isinstance(outcome, RejectedItem)
        assert outcome.reason is Reason.NOT_FOUND


def test_bytes_come_as_they_are_in_the_order_asked_for(tmp_path: Path):
    put(tmp_path, "cat/a.jpg", "cat/b.jpg", "cat/c.jpg")
    source = folder(tmp_path, name="pets", license="CC0-1.0")
    listings = list(source.list())[::-1]
    fetched = list(source.fetch(listings, tmp_path))
    assert [listing for listing, _ in fetched] == listings
    for listing, outcome in fetched:
        assert isinstance(outcome, Fetched)
        assert outcome.data == listing.source_id.encode()
        assert (outcome.image.source, outcome.image.license, outcome.image.class_label) == ("pets", "CC0-1.0", "cat")


def test_a_folder_that_img2dataset_wrote_has_captions_and_no_classes(tmp_path: Path):
    put(tmp_path, "00000/000000000.jpg", "00000/000000000.json", "00000/000000001.jpg", "00000_stats.json")
    (tmp_path / "00000" / "000000000.txt").write_text(" crème brûlée \n", encoding="utf-8")
    listings = list(folder(tmp_path, captions=True, classes=False).list())
    assert [(listing.source_caption, listing.class_label) for listing in listings] == [("crème brûlée", ""), ("", "")]


@pytest.mark.parametrize(("data", "words"), [(b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "no caption")])
def test_a_caption_that_is_none_is_named(tmp_path: Path, data: bytes, words: str):
    put(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(SourceError, match=rf"a\.txt: .*{words}"):
        list(folder(tmp_path, captions=True).list())


def test_captions_are_not_read_through_links_that_lead_out(tmp_path: Path):
    put(tmp_path, "in/a.jpg")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in" / "a.txt").symlink_to(tmp_path / "secret")
    assert [listing.source_caption for listing in folder(tmp_path / "in", captions=True).list()] == [""]


def test_a_folder_of_fakes_names_their_generator(tmp_path: Path):
    put(tmp_path, "a.jpg")
    [(_, outcome)] = folder(tmp_path, generator="sdxl").fetch(list(folder(tmp_path, generator="sdxl").list()), tmp_path)
    assert isinstance(outcome, Fetched)
    assert outcome.image.made is not None
    assert outcome.image.made.generator == "sdxl"
    assert [listing.made for listing in folder(tmp_path).list()] == [None]


def test_what_is_gone_or_too_large_is_rejected_and_the_rest_goes_on(tmp_path: Path):
    put(tmp_path, "a.jpg", "b.jpg", "c-is-longer.jpg")
    source = folder(tmp_path, max_bytes=5)
    listings = list(source.list())
    (tmp_path / "a.jpg").unlink()
    outcomes = [outcome for _, outcome in source.fetch(listings, tmp_path)]
    assert [getattr(outcome, "reason", None) for outcome in outcomes] == [Reason.NOT_FOUND, None, Reason.TOO_LARGE]


@pytest.mark.parametrize(("name", "words"), [("nowhere", "no such folder"), ("file.jpg", "this is a file")])
def test_a_missing_folder_is_one_clear_line(tmp_path: Path, name: str, words: str):
    put(tmp_path, "file.jpg")
    with pytest.raises(SourceError, match=f"{name}: .*{words}") as caught:
        listed(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_utf_8_is_named(tmp_path: Path):
    try:
        (tmp_path / "caf\udce9.jpg").write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    with pytest.raises(SourceError, match=r"caf\\udce9.jpg.*rename"):
        listed(tmp_path)


def test_a_folder_may_be_given_as_a_file_url_and_no_other(tmp_path: Path):
    put(tmp_path, "a.jpg")
    assert [entry.source_id for entry in FolderConfig(path=f"file://{tmp_path}").open().list()] == ["a.jpg"]
    with pytest.raises(SourceError, match="only folders of this machine"):
        list(FolderConfig(path="memory://a").open().list())
