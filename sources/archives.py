"""Real images out of local archives, found by their sha256: a folder tree, a zip, a tar, a tar of tars.

Nothing is unpacked: names inside an archive are never used as paths, and only what has a wanted size is read and hashed.
"""

import hashlib
import os
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from manifests import canonical
from manifests.errors import RejectedItem, SourceError
from manifests.records import Record, Sha256
from sources.tars import TarMember, walk
from sources.zips import open_zip, read_member

_BLOCK = 1 << 20
_TAR_BLOCK = 512
_TAR_MAGIC = slice(257, 262)
_DEEPEST = 2
"""Tars in tars that are looked into: ImageNet's are one deep."""


class Found(Record):
    """Where a wanted image lies.

    Attributes:
        sha256: of its bytes.
        path: the file on this machine that holds it: an image file, a tar or a zip.
        kind: `slice` of the file's own bytes, or a `zip`'s member.
        position: a slice's first byte, or the number of the zip's member.
        size: of the image, bytes.
    """

    sha256: Sha256
    path: str
    kind: Literal["slice", "zip"]
    position: int
    size: int


def stamp(path: Path) -> str:
    """What tells an archive from a later state of it: a digest of its files' names, sizes and times.

    Raises:
        SourceError: there is nothing at this path.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such archive. Give a folder, a .tar, a .zip or an image file.")
    states = ((file, file.stat()) for file in _files(path))
    return canonical.digest([(str(file), state.st_size, state.st_mtime_ns) for file, state in states])


def find(path: Path, wanted: Mapping[str, int]) -> Iterator[Found]:
    """The wanted images that an archive holds, in the archive's own order; a second copy is given again.

    Args:
        path: a folder, a tar, a zip or an image file. Tars and zips inside a folder are looked into as well, and
            tars inside tars. Links are not followed, neither in a folder nor in a tar.
        wanted: sizes in bytes by sha256.

    Raises:
        SourceError: an archive is missing, damaged or compressed as a whole.
    """
    sizes: dict[int, set[str]] = defaultdict(set)
    for sha256, size in wanted.items():
        sizes[size].add(sha256)
    for file in _files(path):
        yield from _in_file(file, sizes)


def read(found: Found) -> bytes:
    """The bytes of an image that `find` has found.

    Raises:
        SourceError: the archive has changed since.
    """
    try:
        with Path(found.path).open("rb") as stream:
            if found.kind == "slice":
                stream.seek(found.position)
                data = stream.read(found.size)
            else:
                with open_zip(stream, found.path) as archive:
                    data = _member(archive, archive.infolist()[found.position], found.path)
    except (OSError, IndexError) as error:
        raise SourceError(f"{found.path}: cannot be read any more ({error}). Run the command again.") from error
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise SourceError(f"{found.path}: changed while it was in use. Run the command again.")
    return data


def _files(path: Path) -> Iterator[Path]:
    """Regular files at or below a path, in the order of their names; links below it are not followed."""
    if not path.is_dir():
        yield path
        return
    try:
        with os.scandir(path) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}).") from error
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _in_file(path: Path, sizes: Mapping[int, set[str]]) -> Iterator[Found]:
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            head = _slice(stream, 0, _TAR_BLOCK)
            if size in sizes and (sha256 := _digest(stream, 0, size)) in sizes[size]:
                yield Found(sha256=sha256, path=str(path), kind="slice", position=0, size=size)
            elif _is_tar(head):
                yield from _in_tar(stream, path, str(path), sizes, start=0, size=size, depth=0)
            elif head.startswith(b"PK\x03\x04"):
                yield from _in_zip(stream, path, sizes)
            elif _is_compressed_tar(path):
                raise SourceError(f"{path}: compressed as a whole. Decompress it first: a plain tar can be searched.")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _in_tar(
    stream: BinaryIO, path: Path, label: str, sizes: Mapping[int, set[str]], *, start: int, size: int, depth: int
) -> Iterator[Found]:
    for member in walk(stream, label, start=start, size=size, only_files=False):
        if member.size in sizes and (sha256 := _digest(stream, member.offset, member.size)) in sizes[member.size]:
            yield Found(sha256=sha256, path=str(path), kind="slice", position=member.offset, size=member.size)
        elif depth < _DEEPEST and _is_inner_tar(stream, member):
            inner = f"{label}: {member.name}"
            yield from _in_tar(stream, path, inner, sizes, start=member.offset, size=member.size, depth=depth + 1)


def _in_zip(stream: BinaryIO, path: Path, sizes: Mapping[int, set[str]]) -> Iterator[Found]:
    with open_zip(stream, str(path)) as archive:
        for number, member in enumerate(archive.infolist()):
            # the announced size is only a hint of what inflates: reading stops there, whatever follows
            if member.is_dir() or member.file_size not in sizes:
                continue
            sha256 = hashlib.sha256(_member(archive, member, str(path))).hexdigest()
            if sha256 in sizes[member.file_size]:
                yield Found(sha256=sha256, path=str(path), kind="zip", position=number, size=member.file_size)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str) -> bytes:
    try:
        data = read_member(archive, member, max_bytes=member.file_size)
    except RejectedItem as rejection:
        raise SourceError(
            f"{label}: its member {member.filename!a:.100}: {rejection.detail}; fetch it again"
        ) from rejection
    if len(data) < member.file_size:
        raise SourceError(f"{label}: its member {member.filename!a:.100} ends early; fetch it again")
    return data


def _is_inner_tar(stream: BinaryIO, member: TarMember) -> bool:
    return member.size >= 2 * _TAR_BLOCK and _is_tar(_slice(stream, member.offset, _TAR_BLOCK))


def _is_tar(head: bytes) -> bool:
    return head[_TAR_MAGIC] == b"ustar"


def _is_compressed_tar(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".tgz", ".tbz2", ".txz")) or ".tar." in name


def _slice(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _digest(stream: BinaryIO, offset: int, size: int) -> str:
    digest = hashlib.sha256()
    stream.seek(offset)
    while size > 0 and (block := stream.read(min(size, _BLOCK))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()
