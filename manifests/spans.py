"""Where the members of a shard lie, so that one image can be read without the rest of it."""

import tarfile
from dataclasses import dataclass
from typing import IO

from manifests.errors import DatasetError
from manifests.shards import FILE_NAME

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a member's bytes lie in its shard: offset and size."""

    offset: int
    size: int


def index_shard(stream: IO[bytes], name: str) -> dict[str, dict[str, Span]]:
    """Where each member of each sample lies, by the sample's key and the member's name; no image is read.

    Only what `manifests.shards.write_shard` writes is understood: plain files with short names. That takes a tenth of the
    time of `tarfile`.

    Args:
        stream: the shard, open for reading; it must seek.
        name: its name, for errors.

    Raises:
        DatasetError: the shard is damaged or cut short, or holds something else than samples.
    """
    spans: dict[str, dict[str, Span]] = {}
    offset = 0
    try:
        while (header := stream.read(_BLOCK)) != _END:
            key, member, size = _parse(header)
            offset += _BLOCK
            if member:
                spans.setdefault(key, {})[member] = Span(offset, size)
            offset += -(-size // _BLOCK) * _BLOCK
            stream.seek(offset)
    except ValueError as error:
        raise DatasetError(f"{name}: damaged shard ({error}). Build it again, or fetch it again.") from error
    return spans


def _parse(header: bytes) -> tuple[str, str, int]:
    """The sample's key, the member's name (empty for the JSON) and the size of a plain file.

    Raises:
        ValueError: it is something else.
    """
    if len(header) != _BLOCK:
        raise ValueError("it ends before its end")
    # the checksum is taken with spaces in its own place
    if int(header[148:156].strip(b" \0") or b"0", 8) != sum(header) - sum(header[148:156]) + 8 * 0x20:
        raise ValueError("a header's checksum is wrong")
    if header[156:157] not in _PLAIN or header[345:500].strip(b"\0"):
        raise ValueError("it holds something that is no plain file")
    size = int(header[124:136].strip(b" \0"), 8)
    if size < 0:
        raise ValueError("a size is negative")
    name = header[:100].rstrip(b"\0").decode("ascii")
    match = FILE_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r:.100} is not the name of a sample's file")
    return match["key"], match["member"] or "", size
