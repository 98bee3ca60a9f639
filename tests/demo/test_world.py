import base64
import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from demo.world import FAULTS, Entry, photograph_path, read_world, write_image_list, write_world
from manifests.errors import TwinsetError

HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation"
)


Written = tuple[Path, tuple[Entry, ...]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("world")
    return folder, write_world(folder, 200, seed=3)


def rows(folder: Path) -> list[dict[str, str]]:
    with write_image_list(folder, "http://127.0.0.1:1").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_same_seed_writes_the_same_files(tmp_path: Path):
    for name in ("first", "second"):
        write_world(tmp_path / name, 12, seed=5)
        write_image_list(tmp_path / name, "http://127.0.0.1:9")
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("first", "second")
    )
    assert first == second
    assert len(first) == 12 + 2


def test_a_world_that_is_there_is_not_written_again(tmp_path: Path):
    entries = write_world(tmp_path, 3)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert write_world(tmp_path, 3) == entries
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps


def test_another_world_is_refused(tmp_path: Path):
    write_world(tmp_path, 3)
    with pytest.raises(TwinsetError, match="3 photographs with seed 0, not 4"):
        write_world(tmp_path, 4)


def test_a_folder_without_a_world_is_refused(tmp_path: Path):
    with pytest.raises(TwinsetError, match="write the demo world"):
        read_world(tmp_path)


def test_the_list_has_the_published_header_and_describes_the_files(world: Written):
    folder, entries = world
    listed = rows(folder)
    assert (folder / "open-images.csv").read_text("utf-8").splitlines()[0] == HEADER
    assert len(listed) == len(entries) == len({row["ImageID"] for row in listed})
    for row, entry in zip(listed, entries, strict=True):
        data = photograph_path(folder, entry).read_bytes()
        assert int(row["OriginalSize"]) == len(data)
        digest_is_right = base64.b64decode(row["OriginalMD5"]) == hashlib.md5(data, usedforsecurity=False).digest()
        assert digest_is_right == (entry.fault != "wrong-digest")
        assert row["OriginalURL"].startswith("http://127.0.0.1:1/photos/")


def test_one_address_in_twenty_is_broken_in_each_way_in_turn(world: Written):
    _, entries = world
    faults = [entry.fault for entry in entries]
    assert sum(fault is not None for fault in faults) == 10
    assert [fault for fault in faults if fault] == [FAULTS[number % 5] for number in range(10)]


def test_one_photograph_is_there_twice(world: Written):
    folder, entries = world
    digests = Counter(hashlib.sha256(photograph_path(folder, entry).read_bytes()).digest() for entry in entries)
    assert sorted(digests.values())[-2:] == [1, 2]


def test_texts_need_quoting_and_rotations_vary(world: Written):
    listed = rows(world[0])
    assert any("," in row["Author"] for row in listed)
    assert any('"' in row["Author"] for row in listed)
    assert any("\n" in row["Title"] for row in listed)
    assert {"", "0.0", "90.0"} <= {row["Rotation"] for row in listed}
    assert any(not row["Thumbnail300KURL"] for row in listed)
