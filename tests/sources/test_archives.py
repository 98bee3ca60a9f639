"""Images found by their digests, wherever they lie, and nothing else read as one."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import SourceError
from sources.archives import find, read, stamp
from tests.tars import tarred

ONE, OTHER = b"one photograph", b"another" * 300


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def wanted(*images: bytes) -> dict[str, int]:
    return {hashlib.sha256(data).hexdigest(): len(data) for data in images}


def contents(path: Path, *images: bytes) -> list[bytes]:
    return [read(found) for found in find(path, wanted(*images))]


def test_in_every_kind_of_archive(tmp_path: Path):
    inner = tarred({"a/1.jpg": ONE, "2.jpg": OTHER})
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "image").write_bytes(ONE)
    (tmp_path / "flat.tar").write_bytes(inner)
    (tmp_path / "nested.tar").write_bytes(tarred({"n1.tar": inner, "n2.tar": tarred({})}))
    (tmp_path / "all.zip").write_bytes(zipped({"../../1.jpg": ONE, "folder/": b"", "2.jpg": OTHER}))
    (tmp_path / "single").write_bytes(OTHER)
    assert contents(tmp_path / "tree", ONE, OTHER) == [ONE]
    assert contents(tmp_path / "flat.tar", ONE, OTHER) == [ONE, OTHER]
    assert contents(tmp_path / "nested.tar", ONE, OTHER) == [ONE, OTHER]
    assert contents(tmp_path / "all.zip", OTHER) == [OTHER]
    assert contents(tmp_path / "single", OTHER) == [OTHER]
    assert contents(tmp_path, ONE) == [ONE] * 4
    assert contents(tmp_path, b"not there") == []


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=600), max_size=8, unique=True), st.data())
def test_exactly_the_wanted_ones(tmp_path_factory: pytest.TempPathFactory, images: list[bytes], data: st.DataObject):
    chosen = data.draw(st.lists(st.sampled_from(images), unique=True)) if images else []
    files = {f"{number}.jpg": image for number, image in enumerate(images)}
    folder = tmp_path_factory.mktemp("archive")
    for name, archive in (
        ("a.tar", tarred(files)),
        ("a.zip", zipped(files)),
        ("b.tar", tarred({"a.tar": tarred(files)})),
    ):
        (folder / name).write_bytes(archive)
        assert sorted(contents(folder / name, *chosen)) == sorted(chosen)


def test_an_image_of_the_right_size_and_other_bytes_is_none(tmp_path: Path):
    (tmp_path / "a.tar").write_bytes(tarred({"1": ONE[::-1]}))
    (tmp_path / "a.zip").write_bytes(zipped({"1": ONE[::-1]}))
    assert contents(tmp_path, ONE) == []


def test_links_are_not_followed(tmp_path: Path):
    (tmp_path / "outside").write_bytes(ONE)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "folder").symlink_to(tmp_path)
    assert contents(tmp_path / "tree", ONE) == []


def test_links_and_devices_in_a_tar_are_passed_over(tmp_path: Path):
    path = tmp_path / "linked.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("image")
        member.size = len(ONE)
        archive.addfile(member, io.BytesIO(ONE))
        last = tarfile.TarInfo("last")
        # some writers give a hard link the size of what it points to, and no data
        last.type, last.linkname, last.size = tarfile.LNKTYPE, "image", 10_000
        archive.addfile(last)
    assert contents(path, ONE) == [ONE]


def test_a_zip_that_inflates_to_more_than_it_says_is_refused(tmp_path: Path):
    bomb = bytearray(zipped({"1": bytes(50_000)}))
    for size in range(len(bomb) - 3):
        if bomb[size : size + 4] == (50_000).to_bytes(4, "little"):
            bomb[size : size + 4] = (100).to_bytes(4, "little")
    (tmp_path / "bomb.zip").write_bytes(bomb)
    with pytest.raises(SourceError, match="damaged in its zip"):
        contents(tmp_path, bytes(100))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("cut.tar", tarred({"1": OTHER, "2": OTHER})[:3000], "cut off or damaged"),
        ("cut.zip", zipped({"1": ONE})[:-10], "not a whole zip"),
        ("all.tar.gz", b"\x1f\x8b and more", "Decompress it first"),
        ("all.tgz", b"\x1f\x8b and more", "Decompress it first"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path: Path, name: str, data: bytes, words: str):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=words) as error:
        contents(tmp_path, ONE)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_an_archive_that_changes_is_noticed(tmp_path: Path):
    path = tmp_path / "image"
    path.write_bytes(ONE)
    before = stamp(tmp_path)
    assert stamp(tmp_path) == before
    (found,) = find(tmp_path, wanted(ONE))
    path.write_bytes(ONE[::-1])
    with pytest.raises(SourceError, match="changed while it was in use"):
        read(found)
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read any more"):
        read(found)
    assert stamp(tmp_path) != before
    with pytest.raises(SourceError, match="no such archive"):
        stamp(path)
