"""The pairs of the shards as the manifest has them: what was aligned, put together with what splitting has decided.

Most of a pair's line is bytes of its aligned record, which are carried over unread.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from flows.folder import BuildFolder
from flows.records import PlacedPair
from flows.stages.align import AlignStage
from flows.stages.split import SplitStage
from manifests.chunk_writer import Blob
from manifests.parts import Part
from manifests.places import PlacedLines
from manifests.records import History, Split


class _Screened(Part, frozen=True, kw_only=True):
    coding: msgspec.Raw
    facts: msgspec.Raw
    image: msgspec.Raw


class _Aligned(Part, frozen=True, kw_only=True):
    """An `AlignedPair`, of which the parts stay as they are written."""

    blobs: msgspec.Raw
    caption: msgspec.Raw
    encoding: msgspec.Raw
    fakes: msgspec.Raw
    frame: msgspec.Raw
    history: msgspec.Raw
    members: msgspec.Raw
    screened: _Screened


class _Pair(Part, frozen=True, kw_only=True):
    """A `Pair` that is put together from parts: its fields in the order of the canonical JSON."""

    caption: msgspec.Raw
    encoding: msgspec.Raw
    facts: msgspec.Raw
    fakes: msgspec.Raw
    frame: msgspec.Raw
    group_id: str
    history: History
    image: msgspec.Raw
    jpeg_subsampling: str
    jpeg_tables: str
    members: msgspec.Raw
    pair_id: str
    shard: str
    split: Split


class _Coding(Part, frozen=True, kw_only=True):
    """Of a `JpegCoding`."""

    tables: tuple[tuple[int, ...], ...]


class PlacedPairs:
    """The pairs that have a place in the shards, with their aligned records."""

    def __init__(self, build: BuildFolder) -> None:
        self._split, self._aligned = SplitStage(build), PlacedLines(AlignStage(build).store)

    def lines(self) -> Iterator[bytes]:
        """The manifest's lines of all pairs, in its order."""
        for index in range(self._split.count() or 0):
            yield from (line for line, _ in self.of_shard(index))

    def of_shard(self, index: int) -> Iterator[tuple[bytes, msgspec.Raw]]:
        """The manifest's lines of a shard's pairs, and where the bytes of each one's members lie, as `blobs_of` reads it."""
        for placed in self._split.placed(index):
            aligned = _parsed(self._aligned[placed.aligned])
            yield _line(placed, aligned), aligned.blobs

    def jpeg_tables(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """The quantisation tables that some pair names, by digest; a record is read for each."""
        tables: dict[str, tuple[tuple[int, ...], ...]] = {}
        for placed in (placed for index in range(self._split.count() or 0) for placed in self._split.placed(index)):
            if placed.own_tables is not None and placed.own_tables not in tables:
                tables[placed.own_tables] = _coding(_parsed(self._aligned[placed.aligned]).screened.coding).tables
            if placed.jpeg_tables and placed.jpeg_tables not in tables:
                tables[placed.jpeg_tables] = _coding(_parsed(self._aligned[placed.aligned]).history).tables
        return tables


_parsed = msgspec.json.Decoder(_Aligned).decode
_coding = msgspec.json.Decoder(_Coding).decode
_encode = msgspec.json.Encoder().encode


def blobs_of(blobs: msgspec.Raw) -> dict[str, Blob]:
    """Where the bytes of a pair's members lie in the chunks of `align`, by name."""
    found: dict[str, Any] = msgspec.json.decode(blobs)
    return {name: Blob.model_validate(blob) for name, blob in found.items()}


def _line(placed: PlacedPair, aligned: _Aligned) -> bytes:
    return _encode(
        _Pair(
            caption=aligned.caption,
            encoding=aligned.encoding,
            facts=aligned.screened.facts,
            fakes=aligned.fakes,
            frame=aligned.frame,
            group_id=placed.group_id,
            history=placed.history,
            image=aligned.screened.image,
            jpeg_subsampling=placed.jpeg_subsampling,
            jpeg_tables=placed.jpeg_tables,
            members=aligned.members,
            pair_id=placed.pair_id,
            shard=placed.shard,
            split=placed.split,
        )
    )
