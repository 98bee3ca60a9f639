from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import DatasetError
from manifests.records import Pair, Reason
from manifests.storage import Folder
from manifests.tombstones import Tombstone, Tombstones, fetch_tombstones, read_tombstones


def test_tombstones_are_read_as_they_were_written(folder: Folder, make_pair: Callable[..., Pair]):
    reals = [make_pair(number).image for number in range(3)]
    lines = [Tombstone(sha256=real.sha256, key=real.key, reason="asked for") for real in reals[:2]]
    Tombstones.of(lines).write(folder)
    read = read_tombstones(folder)
    assert [read.covers(real) for real in reals] == [True, True, False]
    assert read.digest == Tombstones.of(reversed(lines)).digest
    rejection = read.rejection(reals[0])
    assert (rejection.reason, rejection.detail) == (Reason.TAKEN_DOWN, "asked for")


def test_of_two_reasons_the_first_stays():
    first, second = (Tombstone(sha256="0" * 64, key="0" * 16, reason=reason) for reason in ("first", "second"))
    both = Tombstones.of([first]).united(Tombstones.of([second]))
    assert list(both.by_sha256.values()) == [first]


def test_no_file_is_no_tombstone_but_a_named_one_has_to_be_there(folder: Folder, tmp_path: Path):
    assert len(read_tombstones(folder)) == 0
    with pytest.raises(DatasetError, match="no tombstones can be read here"):
        fetch_tombstones(str(tmp_path / "missing.jsonl"))


def test_a_damaged_line_is_named(tmp_path: Path):
    (tmp_path / "tombstones.jsonl").write_text('{"sha256":"' + "0" * 64 + '","key":"' + "0" * 16 + '"}\n{"sha256":1}\n')
    with pytest.raises(DatasetError, match="line 2: sha256"):
        read_tombstones(Folder.at(str(tmp_path)))
