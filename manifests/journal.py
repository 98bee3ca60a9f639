"""Changing many files of a dataset at once: all of them or none, wherever the work is cut off.

New files are written into a folder beside the dataset. The journal, written there last, says what is to be moved in and
what is to go: before it is there the dataset is as it was; from then on whoever meets it can bring the change to its end.
On a disk one process at a time changes a dataset, and whoever meets a journal waits for the one that still works by it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import StringConstraints, ValidationError

from manifests import canonical
from manifests.errors import DatasetError, first_complaint
from manifests.records import Record
from manifests.storage import Folder

_JOURNAL = "journal.json"

# a journal may come with a foreign dataset: it must not lead out of it
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_Inside = Annotated[str, StringConstraints(pattern=rf"^{_NAME}(/{_NAME})*$")]


class Journal(Record):
    """What a change does, by relative paths."""

    moves: tuple[_Inside, ...]
    removals: tuple[_Inside, ...]


def staging(dataset: Folder) -> Folder:
    """Where the new files of a dataset are written before they are moved in: `<dataset>.rewrite/new`."""
    return _beside(dataset).child("new")


@contextmanager
def alone(dataset: Folder) -> Iterator[None]:
    """Keep others from changing a dataset on a disk. What was read of it before may be old: read it again inside.

    Args:
        dataset: the dataset's folder; on a disk it has to be there.

    Raises:
        DatasetError: another process, or another thread, is changing it.
    """
    with _locked(dataset, wait=False):
        yield


def begin(dataset: Folder) -> Folder:
    """An empty staging folder; an earlier change is brought to its end, or dropped where it had no journal yet.

    To be called inside `alone`, as `commit` is.

    Raises:
        DatasetError: the dataset, or the folder that it lies in, cannot be written.
    """
    _finish(dataset)
    if why := _unwritable(dataset):
        raise DatasetError(
            f"{dataset}: cannot be changed ({why}); nothing was. Make it and the folder that it lies in writable, or "
            "change a copy of it."
        )
    _beside(dataset).remove_all()
    return staging(dataset)


def commit(dataset: Folder, removals: tuple[str, ...]) -> None:
    """Make the staged files the dataset's own, and remove others.

    Args:
        dataset: the dataset's folder.
        removals: relative paths of files that go.
    """
    moves = tuple(sorted(staging(dataset).files(), key=_index_last))
    _beside(dataset).write(_JOURNAL, canonical.dumps(Journal(moves=moves, removals=removals)))
    _finish(dataset)


def settle(dataset: Folder) -> bool:
    """Bring a change that was cut off to its end; whether there was one.

    Raises:
        DatasetError: a file that the journal names is neither staged nor in the dataset, or the dataset cannot be written.
    """
    if _beside(dataset).size(_JOURNAL) is None:
        return False
    with _locked(dataset, wait=True):  # it may not be cut off, but going on
        return _finish(dataset)


def _finish(dataset: Folder) -> bool:
    beside = _beside(dataset)
    if beside.size(_JOURNAL) is None:
        return False
    try:
        journal = Journal.model_validate_json(beside.read(_JOURNAL))
    except ValidationError as error:
        raise DatasetError(
            f"{beside}/{_JOURNAL}: {first_complaint(error)}. Remove {beside}, then verify the dataset."
        ) from error
    if why := _unwritable(dataset):
        raise _unfinished(dataset, why)
    # the index goes first: it must not vouch for a dataset that is half changed
    for name in ("index.sha256", "index.json"):
        if staging(dataset).size(name) is not None:
            dataset.remove(name)
    for name in journal.removals:
        dataset.remove(name)
    for name in journal.moves:
        _move(dataset, name)
    beside.remove(_JOURNAL)
    beside.remove_all()
    return True


def _move(dataset: Folder, name: str) -> None:
    staged = staging(dataset)
    try:
        dataset.fs.makedirs(dataset.path(name).rpartition("/")[0], exist_ok=True)
        dataset.fs.mv(staged.path(name), dataset.path(name))
    except FileNotFoundError:
        # an earlier run, or another reader of the same journal, has moved it
        if dataset.size(name) is None:
            raise DatasetError(
                f"{dataset}/{name}: lost while the dataset was changed. Fetch or build it again."
            ) from None
    except OSError as error:
        raise _unfinished(dataset, error.strerror or str(error)) from error


def _unfinished(dataset: Folder, why: str) -> DatasetError:
    return DatasetError(
        f"{dataset}: a change was cut off and cannot be finished here ({why}). "
        f"Make the folder writable, and keep {_beside(dataset)} beside it."
    )


def _unwritable(dataset: Folder) -> str:
    """Why the dataset's folders, or the one beside it, cannot be written; empty where they can."""
    inside = sorted({dataset.path(name).rpartition("/")[0] for name in dataset.files()})
    for place in (*inside, _beside(dataset).root):
        folder = Folder(dataset.fs, place)
        try:
            folder.check_writable()
        except (DatasetError, OSError) as error:
            cause = error.__cause__ or error
            return getattr(cause, "strerror", None) or str(cause)
    return ""


def _index_last(name: str) -> tuple[bool, str]:
    return name in ("index.json", "index.sha256"), name


def _beside(dataset: Folder) -> Folder:
    # by whichever link the dataset is opened, its journal is the same
    root = os.path.realpath(dataset.root) if dataset.is_local else dataset.root
    return Folder(dataset.fs, f"{root}.rewrite")


@contextmanager
def _locked(dataset: Folder, *, wait: bool) -> Iterator[None]:
    """Hold the system's lock on the folder itself: it ends with its process, however that ends, and leaves nothing."""
    if not dataset.is_local:
        yield
        return
    descriptor = os.open(dataset.root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatasetError(
                f"{dataset}: another twinset is changing this dataset. Wait until it has ended, then run the same "
                "command again."
            ) from None
        except OSError:  # a file system without locks keeps nobody out, as a store does
            pass
        yield
    finally:
        os.close(descriptor)
