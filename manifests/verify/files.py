"""The files of a dataset against its index: all there, none beside it, each of its recorded digest and size."""

import hashlib
from collections.abc import Iterator
from typing import IO

from pydantic import ValidationError

from manifests.errors import first_complaint
from manifests.index import Index, IndexedFile
from manifests.storage import Folder
from manifests.verify.findings import Finding

INDEX, SEAL = "index.json", "index.sha256"

_OF_A_HUB = frozenset({".gitattributes"})
"""What a Hub puts beside every dataset."""

_BLOCK = 1 << 20


def check_index(folder: Folder) -> tuple[Index | None, list[Finding]]:
    """The index, where it can be read, and whether it is the one that its seal names."""
    try:
        data = folder.read(INDEX)
    except FileNotFoundError:
        return None, [Finding(file=INDEX, place="", text="missing; without it no digest can be checked")]
    findings = _sealed(folder, data)
    try:
        return Index.model_validate_json(data), findings
    except ValidationError as error:
        return None, [*findings, Finding(file=INDEX, place="", text=f"not an index ({first_complaint(error)})")]


def _sealed(folder: Folder, data: bytes) -> list[Finding]:
    expected = f"{hashlib.sha256(data).hexdigest()}  {INDEX}\n".encode()
    try:
        found = folder.read(SEAL)
    except FileNotFoundError:
        return [Finding(file=SEAL, place="", text=f"missing; expected the digest of {INDEX}")]
    if found != expected:
        return [Finding(file=SEAL, place="", text=f"does not name {INDEX} as it is; one of the two was changed")]
    return []


def check_presence(index: Index, present: set[str]) -> Iterator[Finding]:
    """Files that the index names and that are not there, and the other way round."""
    for name in sorted(index.files.keys() - present):
        yield Finding(file=name, place="", text="missing; the index names it")
    for name in sorted(present - index.files.keys() - {INDEX, SEAL} - _OF_A_HUB):
        yield Finding(file=name, place="", text="the index does not name it")


def check_file(folder: Folder, name: str, recorded: IndexedFile) -> list[Finding]:
    """Read a file through and compare it with what the index says."""
    try:
        with folder.open(name) as stream:
            hashed = HashedStream(stream)
            hashed.drain()
    except FileNotFoundError:
        return [Finding(file=name, place="", text="missing; the index names it")]
    return hashed.compare(name, recorded)


class HashedStream:
    """A stream whose bytes are counted and hashed while somebody else reads them.

    Args:
        stream: open for reading.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        block = self._stream.read(size)
        self._digest.update(block)
        self._size += len(block)
        return block

    def drain(self) -> None:
        """Read to the end."""
        while self.read(_BLOCK):
            pass

    def compare(self, name: str, recorded: IndexedFile) -> list[Finding]:
        """What differs from the index, once all is read."""
        if self._size != recorded.size:
            return [Finding(file=name, place="", text=f"{self._size} bytes, the index says {recorded.size}")]
        if self._digest.hexdigest() != recorded.sha256:
            return [Finding(file=name, place="", text=f"its sha256 is not the index's {recorded.sha256}")]
        return []
