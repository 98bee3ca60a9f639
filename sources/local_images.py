"""Image files that a list names, in a folder or a zip: read by name, never outside it."""

import posixpath
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing
from sources.files import open_file
from sources.image_files import accept_each, check_size
from sources.messages import one_line
from sources.paths import is_file, is_folder
from sources.zips import open_zip, read_member

_Read = Callable[[str], bytes]


def fetch_local(
    listings: Sequence[Listing], path: str, source: str, *, max_bytes: int
) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
    """The bytes of listed images, in the order of the listings, held to the sizes and digests that they name.

    Args:
        listings: their `location` holds the image's `path`.
        path: a folder, or a zip in which the names lie below one folder or none: a path or fsspec URL.
        source: the recipe's name for the source.
        max_bytes: larger images are rejected, unread.

    Raises:
        SourceError: there is neither, or it cannot be read.
    """
    with _open_images(path, max_bytes) as read:
        yield from accept_each(listings, lambda listing: read(str(listing.location["path"])), source)


def check_images(path: str) -> None:
    """Check that there are images to read: asked before anything is listed.

    Raises:
        SourceError: there is neither a folder nor a file at the path.
    """
    if not is_folder(path) and not is_file(path):
        raise SourceError(f"{path}: there is neither a folder nor a zip of images; correct `images` in the recipe")


@contextmanager
def _open_images(path: str, max_bytes: int) -> Iterator[_Read]:
    """What reads the bytes of an image by name; it raises `RejectedItem` for one that is not there or too large."""
    if is_folder(path):
        yield _folder(path, max_bytes)
        return
    with open_file(path) as stream, open_zip(stream, path) as archive:
        yield _zip(archive, max_bytes)


def _folder(path: str, max_bytes: int) -> _Read:
    files, root = fsspec.url_to_fs(path)
    local = Path(root).resolve() if isinstance(files, LocalFileSystem) else None

    def read(name: str) -> bytes:
        place = posixpath.join(root, _inside(name))
        if local is not None and not Path(place).resolve().is_relative_to(local):
            raise RejectedItem(Reason.NOT_FOUND, "leads out of the folder")
        try:
            facts = files.info(place)
            if facts["type"] != "file":
                raise RejectedItem(Reason.NOT_FOUND, "not a file")
            check_size(facts["size"] or 0, max_bytes)
            data: bytes = files.cat_file(place)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RejectedItem(Reason.NOT_FOUND, "not in the folder") from error
        except OSError as error:
            raise SourceError(f"{place}: cannot be read: {one_line(error)}") from error
        return data

    return read


def _zip(archive: zipfile.ZipFile, max_bytes: int) -> _Read:
    names = {name.replace("\\", "/"): name for name in archive.namelist()}  # Windows writes backslashes
    members = {path.partition("/")[2]: name for path, name in reversed(names.items())}  # COCO's lie in a split's folder
    members |= names

    def read(name: str) -> bytes:
        return read_member(archive, members.get(_inside(name), name), max_bytes=max_bytes)

    return read


def _inside(name: str) -> str:
    """A name as a path below a root.

    Raises:
        RejectedItem: it leads out of it.
    """
    plain = posixpath.normpath(name)
    if plain.startswith(("/", "../")) or plain in (".", "..") or "\0" in plain:
        raise RejectedItem(Reason.NOT_FOUND, "leads out of the folder")
    return plain
