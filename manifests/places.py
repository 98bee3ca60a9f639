"""Where a record stands in the chunk store, for whoever comes back to it in another order than its stage's."""

from collections.abc import Iterator

import msgspec

from manifests.chunks import StageStore, records_name
from manifests.errors import DatasetError


class LinePlace(msgspec.Struct, frozen=True):
    """Where a record stands in a stage's chunks: what is read of it later is the same, or has another place.

    Attributes:
        chunk: the chunk.
        digest: first 16 hex digits of the sha256 of its records' file.
        offset: bytes of text before the record's line.
        size: bytes of the line, without its end.
    """

    chunk: int
    digest: str
    offset: int
    size: int


def placed_lines(store: StageStore, index: int) -> Iterator[tuple[LinePlace, bytes]]:
    """The records that a chunk forwarded, in order, each with its place.

    Raises:
        DatasetError: the chunk is not done, or damaged.
    """
    marker, name = store.marker(index), records_name(index)
    if marker is None:
        raise DatasetError(f"{store.folder}/{name}: its chunk is not finished. Run the build again.")
    digest, offset = marker.outputs[name].sha256[:16], 0
    for line in store.lines(index):
        yield LinePlace(index, digest, offset, len(line)), line
        offset += len(line) + 1


class PlacedLines:
    """Records of a stage by their places; the text of the chunk that was asked for last stays in memory.

    Args:
        store: the stage's.
    """

    def __init__(self, store: StageStore) -> None:
        self._store = store
        self._chunk: int | None = None
        self._text = b""

    def __getitem__(self, place: LinePlace) -> bytes:
        if place.chunk != self._chunk:
            self._text = self._store.text(place.chunk)
            self._chunk = place.chunk
        return self._text[place.offset : place.offset + place.size]
