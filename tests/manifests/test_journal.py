import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from manifests import canonical
from manifests.errors import DatasetError
from manifests.journal import alone, begin, commit, settle, staging
from manifests.storage import Folder


def changed(folder: Folder) -> dict[str, bytes]:
    """A folder with two files, changed by a journal; what it holds afterwards."""
    folder.write("a", b"old a")
    folder.write("deep/b", b"old b")
    staged = begin(folder)
    staged.write("a", b"new a")
    staged.write("deep/c", b"new c")
    commit(folder, ("deep/b",))
    return {name: folder.read(name) for name in folder.files()}


def test_staged_files_come_and_named_files_go(folder: Folder):
    assert changed(folder) == {"a": b"new a", "deep/c": b"new c"}
    assert not staging(folder).files()
    assert not settle(folder)


def test_a_change_without_a_journal_is_dropped(folder: Folder):
    folder.write("a", b"old a")
    begin(folder).write("a", b"new a")
    assert not settle(folder)
    assert begin(folder).files() == []
    assert folder.read("a") == b"old a"


def test_the_index_is_gone_before_anything_is_moved(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    folder.write("index.json", b"old")
    staged = begin(folder)
    staged.write("a", b"new")
    staged.write("index.json", b"new")
    seen: list[bool] = []
    moved = folder.fs.mv

    def mv(source: str, target: str) -> None:
        seen.append(folder.size("index.json") is None)
        moved(source, target)

    monkeypatch.setattr(folder.fs, "mv", mv)
    commit(folder, ())
    assert seen == [True, True]
    assert folder.read("index.json") == b"new"


def test_one_at_a_time_changes_a_dataset_on_a_disk(tmp_path: Path):
    folder = Folder.at(str(tmp_path / "set"))
    folder.write("a", b"old a")
    refused = pytest.raises(DatasetError, match="another twinset is changing this dataset")
    with alone(folder), refused, alone(folder):
        pass
    with alone(folder):
        begin(folder)


def test_who_meets_a_journal_waits_for_the_one_that_works_by_it(tmp_path: Path):
    folder = Folder.at(str(tmp_path / "set"))
    folder.write("a", b"old a")
    with ThreadPoolExecutor(1) as reader:
        with alone(folder):
            begin(folder).write("a", b"new a")
            journal = Folder.at(f"{folder.root}.rewrite")
            journal.write("journal.json", canonical.dumps({"moves": ["a"], "removals": []}))
            settling = reader.submit(settle, folder)
            with pytest.raises(TimeoutError):
                settling.result(timeout=0.1)
            assert folder.read("a") == b"old a"
        assert settling.result(timeout=120)
    assert folder.read("a") == b"new a"


def test_a_change_begun_by_a_link_is_ended_by_the_folder_s_own_name(tmp_path: Path):
    folder, link = Folder.at(str(tmp_path / "set")), Folder.at(str(tmp_path / "elsewhere" / "link"))
    folder.write("a", b"old a")
    (tmp_path / "elsewhere").mkdir()
    Path(link.root).symlink_to(folder.root)
    begin(link).write("a", b"new a")
    Folder.at(f"{folder.root}.rewrite").write("journal.json", canonical.dumps({"moves": ["a"], "removals": []}))
    assert settle(folder)
    assert folder.read("a") == b"new a"


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside", ".hidden", ""])
def test_a_journal_that_leads_out_of_its_dataset_is_refused(folder: Folder, name: str):
    folder.write("a", b"old")
    beside = Folder(folder.fs, f"{folder.root}.rewrite")
    for journal in ({"moves": [], "removals": [name]}, {"moves": [name], "removals": []}, {}):
        beside.write("journal.json", canonical.dumps(journal))
        with pytest.raises(DatasetError, match=r"journal\.json: "):
            settle(folder)
    assert folder.read("a") == b"old"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Folder]:
    """A folder with one file, on a disk that cannot be written: root may write where no mode says so."""
    place = tmp_path / "set"
    (place / "deep").mkdir(parents=True)
    (place / "deep" / "b").write_bytes(b"old b")
    bind, umount = [shutil.which("mount") or "", "--bind", str(place), str(place)], shutil.which("umount") or ""
    try:
        subprocess.run(bind, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a read-only disk is mounted by root alone")
    try:
        subprocess.run([bind[0], "-o", "remount,ro,bind", str(place)], check=True, capture_output=True)
        yield Folder.at(str(place))
    finally:
        subprocess.run([umount, "-l", str(place)], check=True)


def test_what_cannot_be_written_is_refused_before_anything_is_staged(read_only: Folder):
    with pytest.raises(DatasetError, match=r"cannot be changed \(Read-only file system\); nothing was") as error:
        begin(read_only)
    assert "\n" not in str(error.value)
    assert not staging(read_only).files()


def test_a_change_that_cannot_be_finished_here_is_told_and_kept(read_only: Folder):
    staging(read_only).write("deep/b", b"new b")
    beside = Folder(read_only.fs, f"{read_only.root}.rewrite")
    beside.write("journal.json", canonical.dumps({"moves": ["deep/b"], "removals": ["gone"]}))
    with pytest.raises(DatasetError, match=r"cannot be finished here \(Read-only file system\)"):
        settle(read_only)
    assert read_only.read("deep/b") == b"old b"
    assert staging(read_only).read("deep/b") == b"new b"


def test_no_trace_is_left_of_asking_whether_a_folder_can_be_written(folder: Folder):
    assert changed(folder) == {"a": b"new a", "deep/c": b"new c"}
    beside = Folder(folder.fs, f"{folder.root}.rewrite")
    assert not folder.fs.exists(beside.root)
    assert not [path for path in folder.fs.find(folder.root) if "partial" in path]
