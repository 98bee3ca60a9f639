"""Putting a published form into a folder: on this machine, in an object store, on any file system that fsspec writes.

The index goes first and comes last. In between, the target's `.publishing/` says which files have arrived whole, so that
a run that was cut off goes on where it stopped.
"""

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from flows.publishing.form import INDEX, PublishedFile, PublishedForm
from manifests.errors import DatasetError
from manifests.index import Index, IndexedFile
from manifests.storage import Folder
from manifests.verify.files import HashedStream

_STATE = ".publishing"
_PREVIOUS = "previous.json"
_MARK = ".sha256"
_BLOCK = 1 << 20


def put_into_folder(form: PublishedForm, target: Folder, on_file: Callable[[], None] = lambda: None) -> int:
    """Put a published form into a folder.

    Args:
        form: what is published.
        target: a new or empty folder, or one that a dataset was published to before.
        on_file: called for each file that is there.

    Returns:
        How many files were written; the others were there already.

    Raises:
        DatasetError: the folder holds something else, cannot be written, or a file of the dataset is damaged.
    """
    state = target.child(_STATE)
    present = _present(target, state)
    if present is None:
        raise DatasetError(f"{target}: not empty, and no dataset was published there. Choose an empty or new place.")
    if present:
        target.sweep()  # what a killed run has left
    if _is_whole(form, target):
        state.remove_all()
        for _ in form.files:
            on_file()
        return 0
    _withdraw(target, state)
    written = 0
    for file in (file for file in form.files if file.name not in INDEX):
        if present.get(file.name) != file.sha256 or target.size(file.name) != file.size:
            _put(file, target, state)
            written += 1
        on_file()
    _remove_others(form, target, present)
    for file in (file for file in form.files if file.name in INDEX):
        _put(file, target, state)
        on_file()
    state.remove_all()
    return written + len(INDEX)


def _present(target: Folder, state: Folder) -> Mapping[str, str] | None:
    """Digests of the files that are there whole; None where something else is there."""
    names = target.files()
    if not names:
        return {}
    if INDEX[0] not in names and not any(name.startswith(f"{_STATE}/") for name in names):
        return None
    index = _read_index(target, INDEX[0]) or _read_index(state, _PREVIOUS)
    present = {name: file.sha256 for name, file in index.items()} if index else {}
    for name in names:
        if name.startswith(f"{_STATE}/") and name.endswith(_MARK):
            marked = name.removeprefix(f"{_STATE}/")
            present[marked.removesuffix(_MARK)] = state.read(marked).decode(errors="replace")
    return present


def _read_index(folder: Folder, name: str) -> Mapping[str, IndexedFile]:
    try:
        return Index.model_validate_json(folder.read(name)).files
    except (FileNotFoundError, ValidationError):
        return {}


def _is_whole(form: PublishedForm, target: Folder) -> bool:
    """Whether the target's index is the form's, and every file is there."""
    try:
        sealed = all(target.read(file.name) == file.folder.read(file.name) for file in form.files if file.name in INDEX)
    except FileNotFoundError:
        return False
    return sealed and all(target.size(file.name) == file.size for file in form.files)


def _withdraw(target: Folder, state: Folder) -> None:
    """Take the index away: from here on nobody takes what is there for a whole dataset."""
    try:
        state.write(_PREVIOUS, target.read(INDEX[0]))
    except FileNotFoundError:
        state.write("begun", b"")
    for name in reversed(INDEX):
        target.remove(name)


def _put(file: PublishedFile, target: Folder, state: Folder) -> None:
    """Write one file, and that it is there; a file that is not what the index says is not written."""
    if file.sha256:
        # what an earlier index says of it holds no more; and a later run knows whose it is
        state.write(f"{file.name}{_MARK}", b"")
    with file.folder.open(file.name) as source, target.create(file.name) as stream:
        hashed = HashedStream(source)
        while block := hashed.read(_BLOCK):
            stream.write(block)
        recorded = IndexedFile(sha256=file.sha256, size=file.size, count=1)
        for finding in hashed.compare(file.name, recorded) if file.sha256 else ():
            raise DatasetError(f"{file.folder}: {finding}. Run twinset verify on it.")
    if file.sha256:
        state.write(f"{file.name}{_MARK}", file.sha256.encode())


def _remove_others(form: PublishedForm, target: Folder, present: Mapping[str, str]) -> None:
    """Remove what was published before and is no part of the dataset any more."""
    names = {file.name for file in form.files}
    for name in sorted(present.keys() - names):
        target.remove(name)
