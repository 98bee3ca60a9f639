"""A folder of image files on this machine: the class is the first sub-folder."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.image_files import ImageFileSettings, accept_each, check_size
from sources.terms import terms_of

_LOG = logging.getLogger(__name__)

_LONGEST_CAPTION = 2**16  # bytes


class FolderConfig(ImageFileSettings):
    """Images in a local folder and its sub-folders."""

    type: Literal["folder"] = "folder"
    name: SourceName = "folder"
    path: str = Field(description="the folder")
    classes: bool = Field(default=True, description="whether the first sub-folder is the class")
    captions: bool = Field(default=False, description="whether the text of `<name>.txt` beside an image is its caption")

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
        yield from accept_each(listings, lambda listing: self._read(root, listing), self.name)

    def _root(self) -> Path:
        path = self._config.path.removeprefix("file://")
        if "://" in path:
            raise SourceError(f"{path}: only folders of this machine are read; give a zip or tar, which may lie there")
        root = Path(path).expanduser().resolve()
        if not root.is_dir():
            found = "this is a file" if root.exists() else "there is no such folder"
            raise SourceError(f"{self._config.path}: {found}; give the path of a folder of images")
        return root

    def _listings(self) -> Iterator[Listing]:
        root = self._root()
        outside = 0
        for path in _files(root):
            if not self._config.takes(path.name):
                continue
            if path.is_symlink() and not _is_inside(root, path):
                outside += 1
                continue
            relative = path.relative_to(root)
            yield Listing(
                source_id=_text(relative),
                class_label=relative.parts[0] if self._config.classes and len(relative.parts) > 1 else "",
                source_caption=_caption(root, path) if self._config.captions else "",
                license=self._config.license,
                terms=terms_of(self._config.license),
                made=self._config.made,
            )
        if outside:
            _LOG.warning("%s: %d links lead out of the folder and were not followed", root, outside)

    def _read(self, root: Path, listing: Listing) -> bytes:
        path = root / listing.source_id
        try:
            if not _is_inside(root, path):
                raise RejectedItem(Reason.NOT_FOUND, "leads out of the folder")
            check_size(path.stat().st_size, self._config.max_bytes)
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


def _caption(root: Path, image: Path) -> str:
    """The text that lies beside an image; empty where there is none."""
    path = image.with_suffix(".txt")
    if not path.is_file() or not _is_inside(root, path):
        return ""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST_CAPTION + 1)
        if len(data) > _LONGEST_CAPTION:
            raise SourceError(f"{path}: longer than {_LONGEST_CAPTION} bytes; this is no caption")
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8; convert it") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def _is_inside(root: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(root)


def _text(relative: Path) -> str:
    text = relative.as_posix()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{text!a}: the file's name is not UTF-8; rename it") from error
    return text
