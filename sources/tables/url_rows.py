"""The rows of somebody's list of images, by field, whatever kind of table it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from manifests.errors import SourceError, printable
from sources.tables.parquet_tables import open_table, read_cells
from sources.tables.parts import Part, find_parts
from sources.tables.text_tables import check_utf8, read_table
from sources.tables.url_columns import UrlColumns, cell

Format = Literal["csv", "tsv", "jsonl", "parquet"]

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSED = ("", ".gz", ".bz2", ".xz", ".zst")

PlacedRow = tuple[str, dict[str, str]]
"""File and line, for errors; and what the row says, by field."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a table is written.

    Attributes:
        format: told by the file's name when None.
        header: names of the columns of a CSV or TSV that gives none.
        quoted: whether a cell of a CSV or TSV may stand in quotes.
    """

    format: Format | None = None
    header: Sequence[str] = ()
    quoted: bool = True


def read_rows(path: str, columns: UrlColumns, needed: str, style: Style) -> Iterator[PlacedRow]:
    """The rows of a list, as a stream.

    Args:
        path: a table, a folder of tables, or a pattern of files.
        columns: names of its columns.
        needed: the field that a table without it is no list of images: `url` or `path`.
        style: how the tables are written.

    Raises:
        SourceError: there is no such table, it lacks the needed column, or a line of it is broken.
    """
    for part in find_parts(path, [ending + compressed for ending in _FORMATS for compressed in _COMPRESSED]):
        found = style.format or _format_of(part)
        rows = _parquet(part, columns, needed) if found == "parquet" else _text(part, columns, needed, found, style)
        for place, row in rows:
            for field, text in row.items():
                check_utf8(text, f"{place}, {field}")
            yield place, row


def _parquet(part: Part, columns: UrlColumns, needed: str) -> Iterator[PlacedRow]:
    with open_table(part.url) as table:
        present = table.schema_arrow.names
        found = columns.match(present)
        _require(needed, found, present, part.url)
        _require_named(columns, present, part.url)
        wanted = {field: column for field, column in found.items() if column in present}
        for number, cells in read_cells(table, sorted(set(wanted.values()))):
            yield f"{part.url}: row {number}", {field: cell(cells, column) for field, column in wanted.items()}


def _text(part: Part, columns: UrlColumns, needed: str, kind: Format, style: Style) -> Iterator[PlacedRow]:
    present: tuple[str, ...] = ()
    seen: set[str] = set()
    found: dict[str, str] = {}
    for row in read_table(part.url, ending=f".{kind}", header=style.header, quoted=style.quoted):
        if tuple(row.cells) != present:  # in JSON, each line may have keys of its own
            present = tuple(row.cells)
            found = columns.match(present)
            seen.update(present)
            if row.number == 1:
                _require(needed, found, present, row.place)
                if kind != "jsonl":
                    _require_named(columns, present, row.place)
        yield row.place, {field: cell(row.cells, column) for field, column in found.items()}
    if seen:
        _require_named(columns, sorted(seen), part.url)


def _require_named(columns: UrlColumns, present: Sequence[str], place: str) -> None:
    """Each column that the recipe names must be there; of JSON's, in one line at least."""
    for field, column in columns.model_dump(exclude_defaults=True).items():
        if column not in present and column.partition(".")[0] not in present:
            there = ", ".join(printable(name[:40]) for name in present[:20])
            raise SourceError(f"{place}: no column {column!r}, which columns.{field} names; there are {there}")


def _require(needed: str, found: dict[str, str], present: Sequence[str], place: str) -> None:
    column = found.get(needed)
    if column is None or column.partition(".")[0] not in {name.partition(".")[0] for name in present}:
        there = ", ".join(printable(name[:40]) for name in present[:20])
        raise SourceError(
            f"{place}: no column {printable(column or needed)!r} that says where an image is; there are {there}; "
            f"name it as columns.{needed}, or give a header or a layout if the file has none"
        )


def _format_of(part: Part) -> Format:
    name = part.name.lower()
    for compressed in _COMPRESSED[1:]:
        name = name.removesuffix(compressed)
    for ending, found in _FORMATS.items():
        if name.endswith(ending):
            return found
    raise SourceError(
        f"{part.url}: its name does not say what kind of table it is; give format = csv, tsv, jsonl or parquet"
    )
