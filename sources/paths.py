"""From a path of a recipe to the files that it stands for: one file, a pattern, or all files of a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import fsspec
from braceexpand import braceexpand

from manifests.errors import SourceError, printable
from sources.messages import one_line

_MAGIC = "*?[{"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a source.

    Attributes:
        name: its path below the part of the recipe's path that is fixed: `train/00000.tar` of `shards/*/*.tar`.
        url: path or fsspec URL that opens it.
    """

    name: str
    url: str


def find_files(path: str, suffixes: Sequence[str]) -> list[FoundFile]:
    """The files that a path stands for, in alphabetical order.

    Args:
        path: a file, whatever its name; a pattern of files (`*`, `**`, `?`, `[...]`, `{000..127}`, `{a,b}`); or a folder,
            of which files that end in one of the suffixes are taken, those below names that start with a dot left out.
            A path or fsspec URL.
        suffixes: with their dots.

    Raises:
        SourceError: there is nothing at this path, or nothing that fits.
    """
    try:
        found = _brace_files(path, tuple(suffixes)) if "{" in path else _files(path, tuple(suffixes))[1]
    except SourceError:
        raise
    except Exception as error:  # every driver of fsspec has exceptions of its own
        raise SourceError(f"{path}: cannot be read: {one_line(error)}") from error
    return sorted(found, key=lambda file: file.name)


def is_folder(path: str) -> bool:
    """Whether there is a folder at a path or fsspec URL.

    Raises:
        SourceError: the path cannot be asked.
    """
    # over HTTP everything can be opened, and to ask for a folder is to fetch what lies there
    return not _asked(path, "isfile") and _asked(path, "isdir")


def is_file(path: str) -> bool:
    """Whether there is a file at a path or fsspec URL.

    Raises:
        SourceError: the path cannot be asked.
    """
    return _asked(path, "isfile")


def _asked(path: str, question: Literal["isfile", "isdir"]) -> bool:
    files, root = _file_system(path)
    try:
        return bool(getattr(files, question)(root))
    except Exception as error:  # as in find_files
        raise SourceError(f"{path}: cannot be read: {one_line(error)}") from error


def _file_system(path: str) -> tuple[Any, str]:
    try:
        files, root = fsspec.url_to_fs(path)
    except Exception as error:  # as in find_files
        raise SourceError(f"{path}: cannot be opened: {one_line(error)}") from error
    return files, str(root)


def _files(path: str, suffixes: tuple[str, ...]) -> tuple[str, list[FoundFile]]:
    """The files of a path without braces, and the folder that their names start from."""
    files, root = _file_system(path)
    if files.isfile(root):
        folder, _, name = path.rpartition("/")
        return folder, [FoundFile(name, path)]
    if files.isdir(root):
        folder, base = path.rstrip("/"), root.rstrip("/")
        urls = [str(url) for url in files.find(root) if _is_taken(str(url)[len(base) :], suffixes)]
        if not urls:
            raise SourceError(f"{path}: no files that end in {' or '.join(suffixes)}; {_there_is(files, base)}")
    elif any(character in root for character in _MAGIC):
        folder, base = _fixed_part(path), _fixed_part(root)
        urls = [str(url) for url in files.glob(root) if files.isfile(url)]
        if not urls:
            raise SourceError(f"{path}: no file fits the pattern; {_there_is(files, base)}")
    else:
        raise SourceError(f"{path}: there is nothing; correct the path in the recipe")
    return folder, [FoundFile(url[len(base) :].lstrip("/"), files.unstrip_protocol(url)) for url in urls]


def _brace_files(path: str, suffixes: tuple[str, ...]) -> list[FoundFile]:
    """The files of a pattern with braces; each of the paths that it stands for must be there."""
    base = _fixed_part(path)
    found = []
    for text in braceexpand(path):
        folder, files = _files(text, suffixes)
        found += [FoundFile(f"{folder[len(base) :]}/{file.name}".lstrip("/"), file.url) for file in files]
    return found


def _is_taken(below: str, suffixes: tuple[str, ...]) -> bool:
    return below.endswith(suffixes) and not any(part.startswith(".") for part in below.split("/"))


def _fixed_part(pattern: str) -> str:
    """The folder above the first part of a path that holds a special character."""
    first = min(pattern.index(character) for character in _MAGIC if character in pattern)
    return pattern[:first].rpartition("/")[0]


def _there_is(files: Any, folder: str) -> str:
    """What a folder holds, for errors: a few names of it."""
    try:
        names = sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in files.ls(folder or ".", detail=False))
    except (OSError, NotImplementedError):
        return f"and there is no folder {folder}"
    shown = ", ".join(printable(name) for name in names[:5])
    return f"there are {len(names)} entries in {folder or '.'}: {shown}{', …' if len(names) > 5 else ''}"
