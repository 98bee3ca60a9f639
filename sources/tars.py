"""Walking an uncompressed tar by its headers: where each member's bytes lie, without reading them."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from manifests.errors import SourceError

_BLOCK = 512  # bytes: headers, and data with its padding, come in blocks of this size


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file in a tar.

    Attributes:
        name: base name; the rest of its path is never used.
        offset: where its data begins in the stream that was walked, bytes.
        size: bytes.
    """

    name: str
    offset: int
    size: int


def walk(stream: BinaryIO, label: str, *, start: int = 0, size: int | None = None) -> Iterator[TarMember]:
    """The regular files of a tar, in its order. Folders are passed over.

    `tarfile` takes a header that is cut off or damaged for the end of the tar; here the end is where the end mark is.

    Args:
        stream: seekable; may be moved about between two members.
        label: what the tar is called in errors.
        start: where in the stream the tar begins, bytes.
        size: of the tar, bytes; None when it reaches to the end of the stream.

    Raises:
        SourceError: not a tar, damaged, cut off, or a member is neither a file nor a folder.
    """
    limit = stream.seek(0, os.SEEK_END) if size is None else start + size
    end = stream.seek(start)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                end = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                if end > limit:
                    break
                if member.isdir():
                    continue
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                    raise SourceError(f"{label}: the member {member.name!r} is a link or a device; fetch the tar again")
                yield TarMember(member.name.rpartition("/")[2], member.offset_data, member.size)
    except tarfile.TarError as error:
        raise SourceError(f"{label}: not a whole tar ({error}); fetch it again") from error
    stream.seek(end)
    if end + _BLOCK > limit or stream.read(_BLOCK) != bytes(_BLOCK):
        raise SourceError(f"{label}: cut off or damaged after byte {min(end, limit) - start}; fetch it again")
