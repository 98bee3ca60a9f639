import pytest

from manifests import canonical
from manifests.errors import DatasetError
from manifests.journal import begin, commit, settle, staging
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


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside", ".hidden", ""])
def test_a_journal_that_leads_out_of_its_dataset_is_refused(folder: Folder, name: str):
    folder.write("a", b"old")
    beside = Folder(folder.fs, f"{folder.root}.rewrite")
    for journal in ({"moves": [], "removals": [name]}, {"moves": [name], "removals": []}, {}):
        beside.write("journal.json", canonical.dumps(journal))
        with pytest.raises(DatasetError, match=r"journal\.json: "):
            settle(folder)
    assert folder.read("a") == b"old"
