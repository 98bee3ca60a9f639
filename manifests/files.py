"""A file of a dataset, as an index describes it."""

import hashlib

from manifests.records import Record
from manifests.storage import Folder

_BLOCK = 1 << 20


class WrittenFile(Record):
    """One file: its path inside the dataset, digest, and size in bytes."""

    name: str
    sha256: str
    size: int


def describe(folder: Folder, name: str) -> WrittenFile:
    """Read a file through and describe it."""
    digest = hashlib.sha256()
    size = 0
    with folder.open(name) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return WrittenFile(name=name, sha256=digest.hexdigest(), size=size)
