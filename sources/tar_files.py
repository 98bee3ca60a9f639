"""Tars as they lie on a disk or a server: plain, or compressed as a whole."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from sources.files import open_file
from sources.tars import TarMember, walk

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Of the tars that are found in folders."""

_COMPRESSIONS = {".gz": "gzip", ".tgz": "gzip", ".bz2": "bz2", ".tbz2": "bz2", ".xz": "xz", ".txz": "xz"}


@contextmanager
def open_tar(url: str) -> Iterator[BinaryIO]:
    """A tar's own bytes, decompressed on the way where its name says that it is compressed.

    Seeking in a compressed one reads what lies between, and from the beginning when it goes back.

    Raises:
        SourceError: there is no such file, or it is damaged.
    """
    with open_file(url, compression=_compression(url)) as stream:
        yield stream


def members(stream: BinaryIO, url: str) -> Iterator[TarMember]:
    """The regular files of a tar that `open_tar` has opened, in its order; all else is passed over.

    Raises:
        SourceError: not a tar, damaged or cut off.
    """
    # how long a compressed tar is shows at its end; a cut is noticed where the decompression ends
    size = sys.maxsize if _compression(url) else None
    yield from walk(stream, url, size=size, only_files=False)


def _compression(url: str) -> str | None:
    return next((name for suffix, name in _COMPRESSIONS.items() if url.lower().endswith(suffix)), None)
