"""Images that a person names: files, folders and URLs, read one by one, as bytes or the reason why there are none."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from urllib.parse import urlsplit

from classifier.images import MAX_BYTES
from flows.urls import fetched, is_url, opener
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason
from pixels.sniff import sniff
from sources.fetching.bounded_opener import BoundedOpener
from sources.image_files import EXTENSIONS, check_size

_HEAD = 32
"""First bytes of a file, which tell whether it is an image."""


@dataclass
class NamedImages:
    """The images of some paths and URLs, in the order given; a folder's by name, with those in its folders.

    In a folder, files whose name does not end as an image's does and whose bytes do not begin as one's are passed over,
    and so is what begins with a dot. Links to folders are not followed.

    Attributes:
        places: paths and http(s) URLs.
        passed_over: files that are no images, as far as they have been met.
    """

    places: Sequence[str]
    passed_over: int = 0
    _opener: BoundedOpener | None = field(default=None, init=False, repr=False)

    def check(self) -> None:
        """Check that each path is there, before any model is loaded.

        Raises:
            DatasetError: one is not.
        """
        for place in self.places:
            # it bears any name; a link to nowhere, as a pattern of the shell may name one, is a file that cannot be read
            if not is_url(place) and not os.path.lexists(place):
                raise DatasetError(f"{place}: there is no such file or folder. Give images, folders or http(s) URLs.")

    @property
    def at_most(self) -> int:
        """How many there are at most; of folders only the names are read."""
        folders = [Path(place) for place in self.places if not is_url(place) and Path(place).is_dir()]
        return len(self.places) - len(folders) + sum(1 for folder in folders for _ in _files(folder))

    def __iter__(self) -> Iterator[tuple[str, bytes | RejectedItem]]:
        """Names, and bytes or why there are none.

        Raises:
            DatasetError: a folder cannot be read.
        """
        for place in self.places:
            if is_url(place):
                yield place, self._fetched(place)
            elif Path(place).is_dir():
                for path in _files(Path(place)):
                    yield from self._in_folder(path)
            else:
                yield place, _read(Path(place))

    def _in_folder(self, path: Path) -> Iterator[tuple[str, bytes | RejectedItem]]:
        if path.suffix.lower().removeprefix(".") in EXTENSIONS or _begins_as_an_image(path):
            yield str(path), _read(path)
        else:
            self.passed_over += 1

    def _fetched(self, url: str) -> bytes | RejectedItem:
        """What a URL answers; a host that a person names may be a private one."""
        if self._opener is None:
            hosts = {_host(place) for place in self.places if is_url(place)}
            self._opener = opener(hosts - {""}, max_bytes=MAX_BYTES)
        return fetched(url, self._opener)


def _host(url: str) -> str:
    """The host that a URL names; none where it is malformed, which the fetching tells."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, by name."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read ({error.strerror}).") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder / entry.name)
        elif not _leads_to_a_folder(entry):
            yield folder / entry.name


def _leads_to_a_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a link to itself, which reading it will tell
        return False


def _begins_as_an_image(path: Path) -> bool:
    try:
        if not S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as stream:
            sniff(stream.read(_HEAD))
    except (OSError, RejectedItem):
        return False
    return True


def _read(path: Path) -> bytes | RejectedItem:
    """A file's bytes; of a regular file only, because a pipe would be waited for."""
    try:
        facts = path.stat()
        if not S_ISREG(facts.st_mode):
            return RejectedItem(Reason.NOT_FOUND, "not a file")
        check_size(facts.st_size, MAX_BYTES)
        return path.read_bytes()
    except RejectedItem as rejection:
        return rejection
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be read"
        return RejectedItem(Reason.NOT_FOUND, reason)
