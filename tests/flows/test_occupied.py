"""Who else may work in a build's folder: nobody, while somebody does; and nothing stays behind of who was killed."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import occupied as rules
from flows.folder import BuildFolder
from flows.occupied import Lease, occupied
from flows.recipe import load_recipe
from manifests import canonical
from manifests.errors import DatasetError
from manifests.storage import Folder

LEASE = "work/lease.json"


def in_a_fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except DatasetError as error:
            code = 2 if "another twinset works in this folder" in str(error) else 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def enter(folder: Folder) -> None:
    with occupied(folder):
        pass


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path):
    folder = Folder.at(str(tmp_path / "out"))
    with occupied(folder):
        with occupied(folder):
            assert in_a_fork(lambda: enter(folder)) == 2
        assert in_a_fork(lambda: enter(folder)) == 2
    assert in_a_fork(lambda: enter(folder)) == 0
    assert not (tmp_path / "out").exists()


def test_a_killed_process_leaves_no_lock_standing(tmp_path: Path, recipe: Callable[..., Path]):
    out = tmp_path / "out"
    folder = Folder.at(str(out))

    def killed() -> None:
        with occupied(folder):
            os._exit(9)

    assert in_a_fork(killed) == 9
    assert folder.files() == ["work/.lock"]
    path = recipe()
    with occupied(folder):
        # what the killed process has left does not make it a folder of something else
        BuildFolder(load_recipe(path), str(path.parent), str(out)).claim()
    assert folder.files() == ["work/recipe.json"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("dear reader")
    with pytest.raises(DatasetError, match="cannot write here"):
        enter(Folder.at(str(tmp_path / "file")))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder in a store; leases are renewed, and waited for, in fractions of a second."""
    monkeypatch.setattr(rules, "RENEWAL", 0.02)
    monkeypatch.setattr(rules, "PATIENCE", 0.2)
    return Folder.at(f"memory://{tmp_path.name}")


def test_a_lease_is_there_and_renewed_while_somebody_works(store: Folder):
    with occupied(store):
        first = store.read(LEASE)
        assert Lease.model_validate_json(first).pid == os.getpid()
        while store.read(LEASE) == first:
            time.sleep(0.005)
    assert store.files() == []


def test_a_lease_of_a_process_that_is_gone_is_taken_at_once(store: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "PATIENCE", 1e9)
    gone = in_a_fork_pid()
    store.write(LEASE, canonical.dumps(Lease(owner="a", machine=rules._machine(), pid=gone)))
    enter(store)
    assert store.files() == []


def in_a_fork_pid() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


@pytest.mark.parametrize("left", [canonical.dumps(Lease(owner="a", machine="elsewhere", pid=1)), b"{"])
def test_a_lease_that_stays_as_it_is_was_left_behind(store: Folder, left: bytes, caplog: pytest.LogCaptureFixture):
    store.write(LEASE, left)
    enter(store)
    assert "there is a lease; looking" in caplog.text
    assert store.files() == []


def test_a_lease_that_is_renewed_keeps_others_out(store: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "PATIENCE", 1e9)  # it may take a while until the thread below has a processor
    stop = threading.Event()

    def renew() -> None:
        renewals = 0
        while not stop.wait(0.01):
            renewals += 1
            store.write(LEASE, canonical.dumps(Lease(owner="a", machine="elsewhere", pid=1, renewals=renewals)))

    store.write(LEASE, canonical.dumps(Lease(owner="a", machine="elsewhere", pid=1)))
    other = threading.Thread(target=renew)
    other.start()
    try:
        with pytest.raises(DatasetError, match="another twinset works in this folder"):
            enter(store)
    finally:
        stop.set()
        other.join()
    assert Lease.model_validate_json(store.read(LEASE)).owner == "a"
