"""A folder on any fsspec file system, with writes that are whole or absent.

Local disk: a temporary name, then a rename. Elsewhere: one put at the end, which an object store does whole or not at all.
No listing is remembered: another process may have written what this one asks for.
"""

import errno
import os
import posixpath
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import IO

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from manifests.errors import DatasetError
from manifests.storage_errors import explained_in_store, explained_on_disk, explained_on_the_way, explained_to_reader

_TEMPORARY = ".partial-"
_PROBE = f"{_TEMPORARY}probe"
"""A temporary file's name: whoever lists a folder does not see it."""


@contextmanager
def _renamed(path: str) -> Iterator[IO[bytes]]:
    """A temporary file beside the path, renamed to it at the end."""
    temporary = f"{path}{_TEMPORARY}{secrets.token_hex(4)}"
    try:
        with _made(temporary) as stream:
            yield stream
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _made(path: str) -> IO[bytes]:
    """A new file, and the folder that it lies in."""
    try:
        os.makedirs(posixpath.dirname(path), exist_ok=True)  # noqa: PTH103 - fsspec paths are strings
        return open(path, "wb")  # noqa: PTH123
    except FileNotFoundError as error:
        # a file system that takes none (/proc), or a link to nowhere on the way
        raise PermissionError(errno.EACCES, "no file can be made", path) from error


@contextmanager
def _put(folder: "Folder", path: str) -> Iterator[IO[bytes]]:
    """A temporary file on this machine, put under the path at the end.

    fsspec's own writers will not do: they store what they have when the block ends with an error, too.
    """
    with explained_on_the_way(folder), tempfile.NamedTemporaryFile() as stream:
        yield stream
        stream.flush()
        with explained_in_store(folder, writing=True):
            folder.fs.put_file(stream.name, path)


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
            fs, root = url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise DatasetError(f"{url}: cannot be opened ({error}). Give a local folder or an fsspec URL.") from error
        return cls(fs, root.rstrip("/") or "/")

    @classmethod
    def of_file(cls, url: str) -> tuple["Folder", str]:
        """The folder in which the file at a URL or local path is, and the file's name in it.

        Raises:
            DatasetError: no file system is known, or installed, for such a URL.
        """
        folder, slash, name = url.rpartition("/")
        return cls.at(folder or slash or "."), name

    @property
    def is_local(self) -> bool:
        """Whether the folder lies on this machine's disk."""
        return isinstance(self.fs, LocalFileSystem)

    def __str__(self) -> str:
        return self.root if self.is_local else str(self.fs.unstrip_protocol(self.root))

    def for_this_process(self) -> "Folder":
        """The same folder for a process that was forked: the driver of an object store does not outlive a fork."""
        return Folder(type(self.fs)(*self.fs.storage_args, **self.fs.storage_options), self.root)

    def child(self, name: str) -> "Folder":
        """A folder inside this one."""
        return Folder(self.fs, self.path(name))

    def path(self, name: str) -> str:
        """The file system's path of a file in this folder."""
        return posixpath.join(self.root, name)

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None when there is none."""
        try:
            with self._reading():
                found = self.fs.info(self.path(name))
            return None if found["type"] == "directory" else int(found["size"])
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self) -> list[str]:
        """Names of the files directly in the folder, sorted, without temporary ones."""
        return sorted(self.sizes())

    def sizes(self) -> dict[str, int]:
        """Sizes in bytes of the files directly in the folder, by name, without temporary ones: one request to a store."""
        self.fs.invalidate_cache(self.root)
        try:
            with self._reading():
                entries = self.fs.ls(self.root, detail=True)
        except FileNotFoundError:
            return {}
        named = ((posixpath.basename(entry["name"]), entry) for entry in entries if entry["type"] == "file")
        return {name: int(entry["size"]) for name, entry in named if _TEMPORARY not in name}

    def files(self) -> list[str]:
        """Relative paths of all files below the folder, sorted, without temporary ones."""
        self.fs.invalidate_cache(self.root)
        try:
            with self._reading():
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
        with self._reading():
            data: bytes = self.fs.cat_file(self.path(name))
        return data

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """All bytes of several files, by name; those that are not there are left out. A store is asked for many at once."""
        paths = [self.path(name) for name in names]
        with self._reading():
            # not `cat`, which takes brackets in a path for a pattern
            answers = self.fs.cat_ranges(paths, None, None, on_error="return") if paths else []
            for answer in answers:
                if isinstance(answer, Exception) and not isinstance(answer, FileNotFoundError):
                    raise answer
        return {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, bytes)}

    def read_range(self, name: str, offset: int, size: int) -> bytes:
        """Some bytes of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with self._reading():
            data: bytes = self.fs.cat_file(self.path(name), start=offset, end=offset + size)
        return data

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file, open for reading.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with self._reading():
            stream = self.fs.open(self.path(name), "rb")
        with nullcontext() if self.is_local else explained_in_store(self), stream:
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
        if not self.is_local:
            with _put(self, path) as stream:
                yield stream
            return
        with explained_on_disk(self), _renamed(path) as stream:
            yield stream

    def check_writable(self) -> None:
        """Write a file and remove it, so that work of hours does not end at a closed door.

        Raises:
            DatasetError: the folder cannot be written.
        """
        is_new = self.is_local and not os.path.exists(self.root)  # noqa: PTH110
        self.write(_PROBE, b"")
        self.remove(_PROBE)
        if is_new:
            with suppress(OSError):
                os.rmdir(self.root)  # noqa: PTH106

    def claim(self, name: str, data: bytes) -> bool:
        """Write a file of a store where there is none; False where there is one. Of several that try at once, one succeeds.

        Raises:
            DatasetError: the folder cannot be written.
        """
        with self._writing():
            try:
                self.fs.pipe_file(self.path(name), data, mode="create")
            except OSError:
                # stores differ in what they say of a file that is there
                if self.size(name) is None:
                    raise
                return False
        return True

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
        with self._writing(), suppress(FileNotFoundError):
            self.fs.rm_file(self.path(name))

    def remove_all(self) -> None:
        """Remove the folder with all that is in it, if it is there."""
        with self._writing():
            if self.fs.exists(self.root):
                self.fs.rm(self.root, recursive=True)

    def _reading(self) -> AbstractContextManager[None]:
        return explained_to_reader(self) if self.is_local else explained_in_store(self)

    def _writing(self) -> AbstractContextManager[None]:
        return explained_on_disk(self) if self.is_local else explained_in_store(self, writing=True)
