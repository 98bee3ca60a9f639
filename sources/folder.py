"""A folder of image files on this machine: the class is the first sub-folder."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing, SourceName, SourceSettings, accept
from sources.choosing import choose
from sources.terms import terms_of

_LOG = logging.getLogger(__name__)

_EXTENSIONS = ("avif", "bmp", "gif", "heic", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp")


class FolderConfig(SourceSettings):
    """Images in a local folder and its sub-folders."""

    type: Literal["folder"] = "folder"
    name: SourceName = "folder"
    path: str = Field(description="the folder")
    extensions: tuple[str, ...] = Field(default=_EXTENSIONS, min_length=1, description="of the files to take; any case")
    license: str = Field(default="", description="licence of the images, as it is recorded")

    @field_validator("extensions")
    @classmethod
    def _plain(cls, extensions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(extension.lower().removeprefix(".") for extension in extensions)

    def open(self) -> "Folder":
        """The source that these settings describe."""
        return Folder(self)


class Folder:
    """A `Source` over a local folder.

    Names that start with a dot are passed over. Links to folders are not followed (the same picture would be listed
    twice, or without end), links to files only inside the folder.
    """

    def __init__(self, config: FolderConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The image files in alphabetical order, folder by folder, within the limits.

        Raises:
            SourceError: there is no such folder, it cannot be read, or a file's name is not UTF-8.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the files, in the order of the listings.

        Raises:
            SourceError: the folder is gone, or a file cannot be read.
        """
        root = self._root()
        for listing in listings:
            try:
                yield listing, accept(listing, self._read(root, listing), self.name)
            except RejectedItem as rejection:
                yield listing, rejection

    def _root(self) -> Path:
        root = Path(self._config.path).expanduser().resolve()
        if not root.is_dir():
            found = "this is a file" if root.exists() else "there is no such folder"
            raise SourceError(f"{self._config.path}: {found}; give the path of a folder of images")
        return root

    def _listings(self) -> Iterator[Listing]:
        root = self._root()
        outside = 0
        for path in _files(root):
            if path.suffix.lower().removeprefix(".") not in self._config.extensions:
                continue
            if path.is_symlink() and not _is_inside(root, path):
                outside += 1
                continue
            relative = path.relative_to(root)
            yield Listing(
                source_id=_text(relative),
                class_label=relative.parts[0] if len(relative.parts) > 1 else "",
                license=self._config.license,
                terms=terms_of(self._config.license),
            )
        if outside:
            _LOG.warning("%s: %d links lead out of the folder and were not followed", root, outside)

    def _read(self, root: Path, listing: Listing) -> bytes:
        path = root / listing.source_id
        try:
            if not _is_inside(root, path):
                raise RejectedItem(Reason.NOT_FOUND, "leads out of the folder")
            size = path.stat().st_size
            if size > self._config.max_bytes:
                raise RejectedItem(Reason.TOO_LARGE, f"{size} bytes, max_bytes is {self._config.max_bytes}")
            return path.read_bytes()
        except FileNotFoundError as error:
            raise RejectedItem(Reason.NOT_FOUND, "no longer in the folder") from error
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def _files(folder: Path) -> Iterator[Path]:
    """Regular files and links to files below a folder, in alphabetical order, folder by folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _is_inside(root: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(root)


def _text(relative: Path) -> str:
    text = relative.as_posix()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{text!a}: the file's name is not UTF-8; rename it") from error
    return text
