"""Image files in zips and tars."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.archive import Archive, ArchiveConfig
from sources.base import Fetched
from tests.tars import tarred

FILES = {
    "cat/a.jpg": b"a cat",
    "cat/deep/er/b.PNG": b"b" * 5000,
    "dog/c.jpg": b"a dog",
    "loose.webp": b"no class",
    "readme.txt": b"no image",
    "__MACOSX/._a.jpg": b"no image either",
}
EXPECTED = {
    "cat/a.jpg": ("cat", b"a cat"),
    "cat/deep/er/b.PNG": ("cat", b"b" * 5000),
    "dog/c.jpg": ("dog", b"a dog"),
    "loose.webp": ("", b"no class"),
}


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


KINDS = {
    "pets.zip": zipped(FILES),
    "plain.zip": zipped(FILES, zipfile.ZIP_STORED),
    "pets.tar": tarred(FILES, "w"),
    "pets.tar.gz": tarred(FILES, "w:gz"),
    "pets.tgz": tarred(FILES, "w:gz"),
    "pets.tar.bz2": tarred(FILES, "w:bz2"),
    "pets.tar.xz": tarred(FILES, "w:xz"),
}


def archive(path: Path, **settings: Any) -> Archive:
    return ArchiveConfig(path=str(path), **settings).open()


def outcomes(source: Archive, workdir: Path) -> dict[str, Fetched | RejectedItem]:
    return {listing.source_id: outcome for listing, outcome in source.fetch(list(source.list()), workdir)}


def failure(source: Archive) -> str:
    with pytest.raises(SourceError) as caught:
        list(source.list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_images_are_read_in_place_and_the_class_is_the_first_folder(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(KINDS[name])
    found = outcomes(archive(tmp_path / name), tmp_path)
    assert {
        source_id: (outcome.image.class_label, outcome.data)
        for source_id, outcome in found.items()
        if isinstance(outcome, Fetched)
    } == {f"{name}/{inside}": expected for inside, expected in EXPECTED.items()}
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_listings_may_be_asked_for_in_any_order(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(KINDS[name])
    source = archive(tmp_path / name)
    asked = list(source.list())[::-1]
    fetched = list(source.fetch(asked, tmp_path))
    assert [listing for listing, _ in fetched] == asked
    assert [outcome.data for _, outcome in fetched if isinstance(outcome, Fetched)] == [
        data for _, data in reversed(EXPECTED.values())
    ]


def test_several_archives_are_one_source(tmp_path: Path):
    (tmp_path / "more").mkdir()
    (tmp_path / "a.zip").write_bytes(zipped({"x/1.jpg": b"1"}))
    (tmp_path / "more" / "b.tar").write_bytes(tarred({"y/2.jpg": b"2"}, "w"))
    (tmp_path / "note.md").write_bytes(b"")
    listings = list(archive(tmp_path, license="CC0-1.0", generator="sdxl").list())
    assert [(listing.source_id, listing.class_label) for listing in listings] == [
        ("a.zip/x/1.jpg", "x"),
        ("more/b.tar/y/2.jpg", "y"),
    ]
    assert {(listing.license, listing.terms) for listing in listings} == {("CC0-1.0", "open")}
    assert all(listing.made is not None and listing.made.generator == "sdxl" for listing in listings)
    assert [listing.source_id for listing in archive(tmp_path / "*.zip").list()] == ["a.zip/x/1.jpg"]


def test_classes_may_lie_deeper_inside(tmp_path: Path):
    files = {"set/images/pie/1.jpg": b"1", "set/images/cake/2.jpg": b"2", "set/thumbs/pie/1.jpg": b"3"}
    (tmp_path / "a.tar").write_bytes(tarred(files, "w"))
    source = archive(tmp_path / "a.tar", root="set/images")
    assert [listing.class_label for listing in source.list()] == ["pie", "cake"]
    assert "no files below 'images'" in failure(archive(tmp_path / "a.tar", root="images"))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_names_and_nothing_else(kind: str, tmp_path: Path):
    files = {"../../up/1.jpg": b"1", "/etc/2.jpg": b"2", "..\\back\\3.jpg": b"3", "C:/4.jpg": b"4"}
    path = tmp_path / "in" / f"a.{kind}"
    path.parent.mkdir()
    path.write_bytes(zipped(files) if kind == "zip" else tarred(files, "w"))
    source = archive(path)
    assert [listing.class_label for listing in source.list()] == ["up", "etc", "back", "C:"]
    assert all(isinstance(outcome, Fetched) for outcome in outcomes(source, tmp_path).values())
    assert [found.name for found in tmp_path.rglob("*")] == ["in", path.name]


def test_links_in_a_tar_are_passed_over(tmp_path: Path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        link = tarfile.TarInfo("a/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
        member = tarfile.TarInfo("a/file.jpg")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"1"))
    (tmp_path / "a.tar").write_bytes(stream.getvalue())
    assert [listing.source_id for listing in archive(tmp_path / "a.tar").list()] == ["a.tar/a/file.jpg"]


def test_a_bomb_is_not_inflated_beyond_the_limit(tmp_path: Path):
    honest = zipped({"a/bomb.jpg": bytes(30_000_000), "a/fine.jpg": b"fine"})
    size = (30_000_000).to_bytes(4, "little")
    assert honest.count(size) == 2
    (tmp_path / "lies.zip").write_bytes(honest.replace(size, (100).to_bytes(4, "little")))
    (tmp_path / "bomb.zip").write_bytes(honest)
    (tmp_path / "bomb.tar.gz").write_bytes(tarred({"a/bomb.jpg": bytes(30_000_000), "a/fine.jpg": b"fine"}, "w:gz"))
    for name, reason in (
        ("bomb.zip", Reason.TOO_LARGE),
        ("lies.zip", Reason.TRUNCATED),
        ("bomb.tar.gz", Reason.TOO_LARGE),
    ):
        bomb, fine = outcomes(archive(tmp_path / name, max_bytes=1000), tmp_path).values()
        assert isinstance(bomb, RejectedItem)
        assert bomb.reason is reason
        assert isinstance(fine, Fetched)


def test_a_damaged_member_is_rejected_and_the_rest_goes_on(tmp_path: Path):
    data = zipped({"a/1.jpg": b"one" * 100, "a/2.jpg": b"two" * 100}, zipfile.ZIP_STORED)
    (tmp_path / "a.zip").write_bytes(data.replace(b"oneone", b"onetwo", 1))
    damaged, whole = outcomes(archive(tmp_path / "a.zip"), tmp_path).values()
    assert isinstance(damaged, RejectedItem)
    assert damaged.reason is Reason.TRUNCATED
    assert isinstance(whole, Fetched)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_archive_that_is_cut_off_is_named(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(KINDS[name][: len(KINDS[name]) // 3])
    message = failure(archive(tmp_path / name))
    assert name in message
    assert "fetch it again" in message


def test_what_is_not_there_is_said_at_once_with_what_is(tmp_path: Path):
    (tmp_path / "pets.rar").write_bytes(b"")
    assert "there is nothing; correct the path" in failure(archive(tmp_path / "nowhere.zip"))
    assert "no file fits the pattern; there are 1 entries" in failure(archive(tmp_path / "*.zip"))
    assert "no files that end in .zip or .tar" in failure(archive(tmp_path))
    (tmp_path / "text.zip").write_bytes(zipped({"a/note.txt": b"a"}))
    assert "no files that end in avif, bmp" in failure(archive(tmp_path / "text.zip"))
    (tmp_path / "page.zip").write_bytes(b"<!doctype html>")
    assert "page.zip: not a whole zip" in failure(archive(tmp_path / "page.zip"))


def test_an_archive_that_went_away_is_named(tmp_path: Path):
    (tmp_path / "a.tar").write_bytes(KINDS["pets.tar"])
    (tmp_path / "b.tar").write_bytes(KINDS["pets.tar"])
    source = archive(tmp_path)
    listings = list(source.list())
    (tmp_path / "b.tar").unlink()
    with pytest.raises(SourceError, match=r"b\.tar is no longer there"):
        list(source.fetch(listings, tmp_path))


def test_zips_that_windows_made_have_folders(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as stream:
        for name in ("set\\cat\\a.jpg", "set\\cat\\"):
            member = zipfile.ZipInfo("x")
            member.filename = name
            stream.writestr(member, b"a cat")
    (listing,) = archive(tmp_path / "a.zip", root="set").list()
    assert (listing.source_id, listing.class_label) == ("a.zip/set/cat/a.jpg", "cat")
    assert all(isinstance(outcome, Fetched) for outcome in outcomes(archive(tmp_path / "a.zip"), tmp_path).values())


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_is_rejected_whatever_its_damaged_compression(tmp_path: Path, compression: int):
    data = bytearray(zipped({"a.jpg": bytes(range(256)) * 8, "b.jpg": b"b"}, compression))
    data[60:200] = b"\1" * 140
    (tmp_path / "a.zip").write_bytes(bytes(data))
    first, second = outcomes(archive(tmp_path / "a.zip"), tmp_path).values()
    assert isinstance(first, RejectedItem)
    assert (first.reason, isinstance(second, Fetched)) == (Reason.TRUNCATED, True)
