"""Lines that people add: flagged pairs and judgements, in files beside the dataset and never in it."""

import threading
from collections.abc import Callable

from manifests.storage import Folder

_WRITING = threading.Lock()
"""One writer at a time: a file is read, changed and written whole."""


def read_lines(folder: Folder, name: str) -> list[str]:
    """The lines of a file; none where there is no file."""
    try:
        return folder.read(name).decode("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def edit_lines(folder: Folder, name: str, edit: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of a file, all or none; the file appears with its first line.

    Args:
        folder: where it lies.
        name: of the file.
        edit: given the lines as they are, what they become.

    Raises:
        DatasetError: it cannot be written.
    """
    with _WRITING:
        before = read_lines(folder, name)
        after = edit(before)
        if after != before:
            folder.write(name, "".join(f"{line}\n" for line in after).encode())
