"""Shards of a set of Parquet tables: runs of so many rows each, numbered from 0."""

from collections.abc import Sequence
from math import ceil

from manifests.errors import SourceError
from sources.tables.parquet_tables import open_table
from sources.tables.parts import Part

Slice = tuple[Part, range]
"""A file and the rows of it that are looked at, counted from its first."""

_ALL = range(2**63 - 1)


def whole(parts: Sequence[Part]) -> list[Slice]:
    """All rows of all files."""
    return [(part, _ALL) for part in parts]


def cut(parts: Sequence[Part], shards: tuple[int, int], rows: int, *, run_on: bool, path: str) -> list[Slice]:
    """The rows of some shards. Only the footers of files are read.

    Args:
        parts: the files.
        shards: numbers of the first shard and the last.
        rows: of a shard.
        run_on: whether a shard goes on in the next file; if not, each file begins a new one, as img2dataset does it.
        path: what the set is called in errors.

    Raises:
        SourceError: there are not so many shards.
    """
    begin, end = shards[0] * rows, (shards[1] + 1) * rows
    slices: list[Slice] = []
    position = 0  # of the file's first row, were all shards before it full
    for part in parts:
        count = _length(part)
        wanted = range(max(begin - position, 0), min(end - position, count))
        if wanted:
            slices.append((part, wanted))
        position += count
        if not run_on:
            position = ceil(position / rows) * rows
        if position >= end:
            return slices
    there = ceil(position / rows)
    if there <= shards[1]:
        raise SourceError(
            f"{path}: shards asks for {shards[0]} to {shards[1]}, but {len(parts)} files hold {position} rows: "
            f"shards 0 to {there - 1} of {rows} rows each"
        )
    return slices


def _length(part: Part) -> int:
    with open_table(part.url) as table:
        return int(table.metadata.num_rows)
