"""A file of a dataset, as an index describes it."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from manifests.records import Record
from manifests.storage import Folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BLOCK = 1 << 20


class WrittenFile(Record):
    """One file: its path inside the dataset, digest, and size in bytes."""

    name: str
    sha256: str
    size: int


class DescribedStream(io.BufferedIOBase, BinaryIO):
    """Hands bytes on to a stream, and describes the file that they make up.

    Args:
        stream: where to.
        name: the file's path inside the dataset.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self._digest = hashlib.sha256()
        self._size = 0

    def writable(self) -> bool:
        """Nothing else can be done with it."""
        return True

    def write(self, data: "ReadableBuffer") -> int:
        """Hand bytes on."""
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self._digest.update(view)
        self._size += len(view)
        return len(view)

    def tell(self) -> int:
        """Bytes so far."""
        return self._size

    @property
    def file(self) -> WrittenFile:
        """The file as far as it is written."""
        return WrittenFile(name=self._name, sha256=self._digest.hexdigest(), size=self._size)


@contextmanager
def create_described(folder: Folder, name: str) -> Iterator[DescribedStream]:
    """`Folder.create`, described on the way: nothing has to be read back, let alone fetched.

    Raises:
        DatasetError: the disk is full, or cannot be written.
    """
    with folder.create(name) as stream:
        yield DescribedStream(stream, name)


def describe(folder: Folder, name: str) -> WrittenFile:
    """Read a file through and describe it."""
    digest = hashlib.sha256()
    size = 0
    with folder.open(name) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return WrittenFile(name=name, sha256=digest.hexdigest(), size=size)
