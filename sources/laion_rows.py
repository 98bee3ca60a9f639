"""From the rows of a LAION table to listings."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sources.base import Listing
from sources.laion_columns import SCORES
from sources.tables.parquet_tables import Bounds, batches, numbers, texts, within
from sources.tables.parts import Part

_URL = r"^https?://[^\s\x00-\x20]+$"
_NSFW = {"UNLIKELY": 0.0, "UNSURE": 0.5, "NSFW": 1.0}
"""LAION's tag as a score."""

_UNKNOWN_LICENSE = "?"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read of a table, and which rows are taken.

    Attributes:
        columns: names of columns by field.
        bounds: numbers that are asked for.
        nsfw: tags that are asked for, in capital letters; all when empty.
    """

    columns: Mapping[str, str]
    bounds: tuple[Bounds, ...]
    nsfw: AbstractSet[str]


def read_rows(table: pq.ParquetFile, part: Part, rows: range, selection: Selection) -> Iterator[Listing | None]:
    """The listings of the rows that are taken, in their order; None for one whose URL is none.

    Args:
        table: the table.
        part: which one it is.
        rows: rows of it to look at.
        selection: what is read and taken.
    """
    names = sorted(set(selection.columns.values()))
    for start, batch in batches(table, names, rows, selection.bounds):
        kept = within(batch, selection.bounds)
        if selection.nsfw:
            tags = pa.array([tag.upper() for tag in texts(batch.column(selection.columns["nsfw"]))])
            kept = pc.and_(kept, pc.is_in(tags, pa.array(sorted(selection.nsfw), pa.string())))
        places = pc.indices_nonzero(kept)
        if len(places):
            yield from _listings(batch.take(places), [start + place for place in places.to_pylist()], part, selection)


def _listings(batch: pa.RecordBatch, places: list[int], part: Part, selection: Selection) -> Iterator[Listing | None]:
    urls = _texts(batch, selection, "url")
    valid = pc.match_substring_regex(pa.array(urls), _URL).to_pylist()
    captions = _texts(batch, selection, "caption")
    licenses = _texts(batch, selection, "license")
    for url, is_valid, caption, license_, source_id, scores in zip(
        urls, valid, captions, licenses, _ids(batch, places, part, selection), _scores(batch, selection), strict=True
    ):
        yield (
            Listing(
                source_id=source_id,
                url=url,
                license="" if license_ == _UNKNOWN_LICENSE else license_,
                source_caption=caption,
                scores=scores,
            )
            if is_valid
            else None
        )


def _texts(batch: pa.RecordBatch, selection: Selection, field: str) -> list[str]:
    column = selection.columns.get(field)
    return [""] * batch.num_rows if column is None else texts(batch.column(column))


def _ids(batch: pa.RecordBatch, places: list[int], part: Part, selection: Selection) -> list[str]:
    name = part.name if part.number is None else f"{part.number:05d}"
    column = selection.columns.get("id")
    if column is None:
        return [f"{name}:{place}" for place in places]
    cells = batch.column(column).to_pylist()
    return [_id(cell) or f"{name}:{place}" for cell, place in zip(cells, places, strict=True)]


def _id(cell: object) -> str:
    """A number or text as an id, `12.0` as 12; empty where there is none."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else ""
    return "" if cell is None else str(cell)


def _scores(batch: pa.RecordBatch, selection: Selection) -> Iterator[dict[str, float]]:
    fields: list[str] = [name for name in SCORES if name in selection.columns]
    columns = [numbers(batch.column(selection.columns[name])).to_pylist() for name in fields]
    if "nsfw" in selection.columns:
        fields.append("nsfw")
        columns.append([_NSFW.get(tag.upper()) for tag in texts(batch.column(selection.columns["nsfw"]))])
    if not fields:
        yield from ({} for _ in range(batch.num_rows))
    for values in zip(*columns, strict=True):
        yield {name: value for name, value in zip(fields, values, strict=True) if value is not None}
