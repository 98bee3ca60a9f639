"""Walking an uncompressed tar by its headers: where each member's bytes lie, without reading them."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from manifests.errors import SourceError
from sources.messages import one_line

_BLOCK = 512  # bytes: headers, and data with its padding, come in blocks of this size
_LONGEST_HEADER = 2**20  # bytes of a long name or of attributes, which tarfile reads at once


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file in a tar.

    Attributes:
        name: base name.
        offset: where its data begins in the stream that was walked, bytes.
        size: bytes.
        path: the whole name, which need not be UTF-8 in the tar. Only for keys and classes: nothing is ever opened at it.
    """

    name: str
    offset: int
    size: int
    path: str


class _Headers:
    """A tar as `tarfile` may read it: headers of a sane length, whatever a header says of its own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Some bytes of a header.

        Raises:
            tarfile.ReadError: too many are asked for.
        """
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of more than {_LONGEST_HEADER} bytes")
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        """Go to a position."""
        return self._stream.seek(position)

    def tell(self) -> int:
        """The position."""
        return self._stream.tell()


def walk(
    stream: BinaryIO, label: str, *, start: int = 0, size: int | None = None, only_files: bool = True
) -> Iterator[TarMember]:
    """The regular files of a tar, in its order. Folders are passed over.

    `tarfile` takes a header that is cut off or damaged for the end of the tar; here the end is where the end mark is.

    Args:
        stream: seekable; may be moved about between two members.
        label: what the tar is called in errors.
        start: where in the stream the tar begins, bytes.
        size: of the tar, bytes; None when it reaches to the end of the stream.
        only_files: whether the tar must hold nothing beside files and folders, as a published set does; otherwise links,
            devices and files with holes are passed over as well.

    Raises:
        SourceError: not a tar, damaged, cut off, or, with `only_files`, a member is neither a file nor a folder.
    """
    limit = stream.seek(0, os.SEEK_END) if size is None else start + size
    end = stream.seek(start)
    try:
        with tarfile.open(fileobj=cast("BinaryIO", _Headers(stream)), mode="r:") as tar:
            for member in tar:
                end = tar.offset  # of the next header: the sizes of links and holes are not those of data
                if end > limit:
                    break
                if member.isdir():
                    continue
                if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
                    path = _text(member.name)
                    yield TarMember(path.rpartition("/")[2], member.offset_data, member.size, path)
                elif only_files:
                    raise SourceError(f"{label}: the member {member.name!r} is a link or a device; fetch the tar again")
    except (tarfile.TarError, ValueError) as error:  # tarfile lets the ValueErrors of odd headers pass
        raise SourceError(f"{label}: not a whole tar ({one_line(error)}); fetch it again") from error
    stream.seek(end)
    if end + _BLOCK > limit or stream.read(_BLOCK) != bytes(_BLOCK):
        raise SourceError(f"{label}: cut off or damaged after byte {min(end, limit) - start}; fetch it again")


def _text(name: str) -> str:
    """A name that can be written as UTF-8: bytes that are none of it are replaced."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
