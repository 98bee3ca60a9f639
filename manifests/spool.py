"""Records put aside on this machine's disk while others are made."""

import tempfile
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_BUFFER = 1 << 20


class Spool(Generic[S]):
    """A sequence of records that grows at its end and is read from its beginning. To be used as a context.

    Args:
        kind: what the records are.
    """

    def __init__(self, kind: type[S]) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(kind).decode
        self._file = tempfile.TemporaryFile(buffering=_BUFFER)  # noqa: SIM115 - the end of the context closes it

        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, record: S) -> None:
        """Put a record behind the others; not while they are read."""
        self._file.write(self._encode(record) + b"\n")
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[S]:
        """The records in the order in which they came; to be read through before they are asked for again."""
        self._file.seek(0)
        yield from map(self._decode, self._file)
