"""A folder on any fsspec file system, with writes that are whole or absent.

Local disk: a temporary name, then a rename. Elsewhere: one put at the end, which an object store does whole or not at all.
"""

import errno
import os
import posixpath
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from manifests.errors import DatasetError

_TEMPORARY = ".partial-"


def _for_a_person(folder: object, error: OSError) -> DatasetError | None:
    """One line for a full or read-only disk; None for any other error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DatasetError(
            f"{folder}: the disk is full. Free some space and run the same command again: it goes on where it stopped."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return DatasetError(f"{folder}: cannot write here ({error.strerror}). Choose another folder.")
    return None


@contextmanager
def _renamed(path: str) -> Iterator[IO[bytes]]:
    """A temporary file beside the path, renamed to it at the end."""
    temporary = f"{path}{_TEMPORARY}{secrets.token_hex(4)}"
    try:
        os.makedirs(posixpath.dirname(path), exist_ok=True)  # noqa: PTH103 - fsspec paths are strings
        with open(temporary, "wb") as stream:  # noqa: PTH123
            yield stream
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


@contextmanager
def _put(fs: AbstractFileSystem, path: str) -> Iterator[IO[bytes]]:
    """A temporary file on this machine, put under the path at the end.

    fsspec's own writers will not do: they store what they have when the block ends with an error, too.
    """
    with tempfile.NamedTemporaryFile() as stream:
        yield stream
        stream.flush()
        fs.put_file(stream.name, path)
    fs.invalidate_cache(posixpath.dirname(path))


@contextmanager
def _missing_where_a_folder_is() -> Iterator[None]:
    """A folder in the place of a file is no file."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(str(error)) from error


@dataclass(frozen=True)
class Folder:
    """A folder of files, by fsspec URL (`/data/set`, `s3://bucket/set`, `memory://set`).

    Attributes:
        fs: the file system.
        root: the folder's path on it.
    """

    fs: AbstractFileSystem
    root: str

    @classmethod
    def at(cls, url: str) -> "Folder":
        """The folder at a URL or local path; it need not exist yet.

        Raises:
            DatasetError: no file system is known, or installed, for such a URL.
        """
        try:
            fs, root = url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise DatasetError(f"{url}: cannot be opened ({error}). Give a local folder or an fsspec URL.") from error
        return cls(fs, root.rstrip("/") or "/")

    @property
    def is_local(self) -> bool:
        """Whether the folder lies on this machine's disk."""
        return isinstance(self.fs, LocalFileSystem)

    def __str__(self) -> str:
        return self.root if self.is_local else str(self.fs.unstrip_protocol(self.root))

    def child(self, name: str) -> "Folder":
        """A folder inside this one."""
        return Folder(self.fs, self.path(name))

    def path(self, name: str) -> str:
        """The file system's path of a file in this folder."""
        return posixpath.join(self.root, name)

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None when there is none."""
        try:
            found = self.fs.info(self.path(name))
            return None if found["type"] == "directory" else int(found["size"])
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self) -> list[str]:
        """Names of the files directly in the folder, sorted, without temporary ones."""
        self.fs.invalidate_cache(self.root)
        try:
            entries = self.fs.ls(self.root, detail=True)
        except FileNotFoundError:
            return []
        names = (posixpath.basename(entry["name"]) for entry in entries if entry["type"] == "file")
        return sorted(name for name in names if _TEMPORARY not in name)

    def files(self) -> list[str]:
        """Relative paths of all files below the folder, sorted, without temporary ones."""
        self.fs.invalidate_cache(self.root)
        try:
            found = self.fs.find(self.root)
        except FileNotFoundError:
            return []
        return sorted(
            posixpath.relpath(path, self.root) for path in found if _TEMPORARY not in posixpath.basename(path)
        )

    def read(self, name: str) -> bytes:
        """All bytes of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with _missing_where_a_folder_is():
            data: bytes = self.fs.cat_file(self.path(name))
        return data

    def read_range(self, name: str, offset: int, size: int) -> bytes:
        """Some bytes of a file."""
        data: bytes = self.fs.cat_file(self.path(name), start=offset, end=offset + size)
        return data

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file, open for reading.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with _missing_where_a_folder_is():
            stream = self.fs.open(self.path(name), "rb")
        with stream:
            yield stream

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all.

        Raises:
            DatasetError: the disk is full, or cannot be written.
        """
        with self.create(name) as stream:
            stream.write(data)

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write: it appears under its name, whole, when the block ends without an error.

        Raises:
            DatasetError: the disk is full, or cannot be written.
        """
        path = self.path(name)
        try:
            with _renamed(path) if self.is_local else _put(self.fs, path) as stream:
                yield stream
        except OSError as error:
            if explained := _for_a_person(self, error):
                raise explained from error
            raise

    def sweep(self) -> None:
        """Remove temporary files that a killed run left below the folder (local disk only)."""
        if not self.is_local:
            return
        for directory, _, names in os.walk(self.root):
            for name in names:
                if _TEMPORARY in name:
                    os.unlink(posixpath.join(directory, name))  # noqa: PTH108

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            DatasetError: the folder cannot be written.
        """
        try:
            self.fs.rm_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            if explained := _for_a_person(self, error):
                raise explained from error
            raise

    def remove_all(self) -> None:
        """Remove the folder with all that is in it, if it is there."""
        if self.fs.exists(self.root):
            self.fs.rm(self.root, recursive=True)
