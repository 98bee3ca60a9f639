"""Zips in place: a stream, its members' names, and a member's bytes with a limit."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.image_files import check_size
from sources.messages import one_line

_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)


@contextmanager
def open_zip(stream: BinaryIO, label: str) -> Iterator[zipfile.ZipFile]:
    """A zip of a source.

    Args:
        stream: seekable.
        label: what the zip is called in errors.

    Raises:
        SourceError: not a zip, or cut off.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except (*_DAMAGE, NotImplementedError) as error:
        raise SourceError(f"{label}: not a whole zip ({one_line(error)}); fetch it again") from error
    with archive:
        yield archive


def read_member(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo, *, max_bytes: int) -> bytes:
    """The bytes of a member. What the zip says of its size is not trusted: reading stops at the limit.

    Raises:
        RejectedItem: `not-found`; `too-large`; `truncated` when the member is damaged, `undecodable` when it is
            encrypted, or compressed in a way that Python does not know.
    """
    try:
        with archive.open(name) as member:
            data = member.read(max_bytes + 1)
    except KeyError as error:
        raise RejectedItem(Reason.NOT_FOUND, "not in the zip") from error
    except (NotImplementedError, RuntimeError) as error:
        raise RejectedItem(Reason.UNDECODABLE, f"not readable in its zip: {one_line(error)}") from error
    except OSError as error:
        if error.errno is not None:  # of the disk; what bz2 says of damage has no number
            raise
        raise RejectedItem(Reason.TRUNCATED, f"damaged in its zip: {one_line(error)}") from error
    except _DAMAGE as error:
        raise RejectedItem(Reason.TRUNCATED, f"damaged in its zip: {one_line(error)}") from error
    check_size(len(data), max_bytes)
    return data
