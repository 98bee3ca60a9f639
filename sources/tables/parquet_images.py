"""Rows of Parquet files whose images stand in columns beside what is said about them.

What is said is read column by column, without the images; the images are read from the row groups that they lie in.
Paths that stand beside an image's bytes are never followed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.errors import RejectedItem, SourceError, printable
from manifests.records import Reason
from sources.base import Fetched, Listing, accepted
from sources.messages import one_line

_ROWS_AT_ONCE = 65_536  # of what is said about images
_IMAGES_AT_ONCE = 16  # in memory
_BUFFER = 8 * 2**20  # bytes of a column that are asked for at once


_Images = dict[tuple[str, int], bytes | None]
"""Images by column and row; None where a row holds none."""


@dataclass(frozen=True, slots=True)
class ParquetSet:
    """The Parquet files of one set.

    Attributes:
        label: what the set is called in errors.
        names: paths of the files inside the set, in their order.
        open: opens a file by its name; seekable.
        revision: resolved commit of the set, where it has one.
        card: metadata of the set's card, where it has one.
    """

    label: str
    names: tuple[str, ...]
    open: Callable[[str], AbstractContextManager[BinaryIO]]
    revision: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def license(self) -> str:
        """The licence that the card names; several stand with commas between them."""
        found = self.card.get("license") or ""
        return ", ".join(str(name) for name in found) if isinstance(found, list) else str(found)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says beside its images.

    Attributes:
        part: name of the file.
        number: of the row in its file, from 0.
        cells: by column, as they were asked for; None where the row says nothing.
    """

    part: str
    number: int
    cells: Mapping[str, Any]

    @property
    def source_id(self) -> str:
        """The row's name inside its set."""
        return f"{self.part}:{self.number}"

    def location(self, image: str) -> dict[str, str | int]:
        """Where `read_images` finds the image in a column of this row."""
        return {"part": self.part, "row": self.number, "column": image}

    def text(self, column: str, names: Sequence[str] = ()) -> str:
        """A cell as text: empty for null; with `names`, the name that a class number stands for, empty for -1.

        Raises:
            SourceError: a number is none of the classes'.
        """
        value = self.cells[column]
        if value is None:
            return ""
        if names and isinstance(value, int) and not isinstance(value, bool):
            if value == -1:  # what `datasets` writes where a class is withheld
                return ""
            if not 0 <= value < len(names):
                raise SourceError(
                    f"{self.part}: row {self.number}, column {column!r}: {value} is none of the {len(names)} classes"
                )
            return names[value]
        return str(value)


def read_rows(files: ParquetSet, columns: Sequence[str], *, images: Sequence[str]) -> Iterator[Row]:
    """What the rows say, file by file; reads no image.

    Args:
        files: the set.
        columns: which to read; a dot leads into a struct (`gen0.model`).
        images: columns that must hold images: binary, or a struct with the binary field `bytes`.

    Raises:
        SourceError: a file is missing, no Parquet or damaged, has no such column, or numbers its classes otherwise than
            the files before it.
    """
    named: dict[str, tuple[str, ...]] = {}
    for part in files.names:
        with _reading(files, part) as parquet:
            for column in columns:
                _type_of(parquet, column, files, part)
                names = _names_in_schema(parquet.schema_arrow, column)
                if names and names != named.setdefault(column, names):
                    raise SourceError(
                        f"{files.label}: {part}: its numbers in {column!r} stand for other classes than in files before it; "
                        "take these files as sources of their own"
                    )
            for column in images:
                _image_leaf(parquet, column, files, part)
            if not columns:  # the file's footer says how many there are
                yield from (Row(part, number, {}) for number in range(parquet.metadata.num_rows))
                continue
            number = 0
            for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=list(columns), use_threads=False):
                table = [_column(batch, column).to_pylist() for column in columns]
                for cells in zip(*table, strict=True):
                    yield Row(part, number, dict(zip(columns, cells, strict=True)))
                    number += 1


def class_names(files: ParquetSet, column: str) -> tuple[str, ...]:
    """The names of a column's classes, as the first file's own metadata or the set's card gives them; empty if neither does.

    `datasets` writes its features into the Parquet schema; cards have the same under `dataset_info`.
    """
    if files.names:
        with _reading(files, files.names[0]) as parquet:
            names = _names_in_schema(parquet.schema_arrow, column)
        if names:
            return names
    return _names_in_card(files.card, column)


def read_images(
    files: ParquetSet, listings: Sequence[Listing], *, max_bytes: int
) -> Iterator[tuple[Listing, bytes | RejectedItem]]:
    """The images at the locations of some listings, in their order; other row groups than theirs are not read.

    Listings that follow one another in the order of `read_rows` cost one read of their row group.

    Raises:
        SourceError: a file is missing, damaged or no longer what was listed.
    """
    for part, of_part in groupby(listings, key=lambda listing: str(listing.location["part"])):
        with _reading(files, part) as parquet:
            groups = _bounds(parquet)
            for group, of_group in groupby(of_part, key=lambda listing: _group_of(groups, listing, part)):
                asked = list(of_group)
                images = _images(files, part, parquet, group, asked)
                for listing in asked:
                    yield listing, _outcome(images.get(_place(listing)), max_bytes)


def fetch_images(
    files: ParquetSet, listings: Sequence[Listing], *, source: str, max_bytes: int
) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
    """What `Source.fetch` gives, for listings whose locations are those of `Row.location`.

    Raises:
        SourceError: as `read_images`.
    """
    for listing, outcome in read_images(files, listings, max_bytes=max_bytes):
        yield listing, accepted(listing, outcome, source)


@contextmanager
def _reading(files: ParquetSet, part: str) -> Iterator[Any]:
    """An opened `pyarrow.parquet.ParquetFile`."""
    try:
        with (
            files.open(part) as stream,
            pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER) as parquet,
        ):
            yield parquet
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise SourceError(
            f"{files.label}: {part}: not Parquet, or damaged ({one_line(error)}); fetch it again"
        ) from error


def _type_of(parquet: Any, column: str, files: ParquetSet, part: str) -> Any:
    """The type of a column, struct by struct."""
    schema = parquet.schema_arrow
    first, *inner = column.split(".")
    found: Any = schema.field(first).type if schema.get_field_index(first) >= 0 else None
    for name in inner:
        is_there = pa.types.is_struct(found) and found.get_field_index(name) >= 0
        found = found.field(name).type if is_there else None
    if found is None:
        there = ", ".join(printable(name) for name in _columns(schema))
        raise SourceError(f"{files.label}: {part}: no column {column!r}; there are {there}")
    return found


def _columns(schema: Any) -> list[str]:
    """Names of columns, those of structs with their fields."""
    return [
        f"{column.name} ({', '.join(inner.name for inner in column.type)})"
        if pa.types.is_struct(column.type)
        else column.name
        for column in schema
    ]


def _image_leaf(parquet: Any, column: str, files: ParquetSet, part: str) -> str:
    """The column that holds the bytes of a column of images."""
    found = _type_of(parquet, column, files, part)
    leaf = column
    if pa.types.is_struct(found) and found.get_field_index("bytes") >= 0:
        found, leaf = found.field("bytes").type, f"{column}.bytes"
    if not (pa.types.is_binary(found) or pa.types.is_large_binary(found)):
        raise SourceError(
            f"{files.label}: {part}: the column {column!r} holds {found}, not images: binary, or a struct with `bytes`"
        )
    return leaf


def _column(batch: Any, column: str) -> Any:
    """A column of a batch, also one inside structs."""
    first, *inner = column.split(".")
    return pc.struct_field(batch.column(first), inner) if inner else batch.column(first)


def _bounds(parquet: Any) -> list[tuple[int, int]]:
    """The rows of each row group: the first one, and the one after the last."""
    bounds, first = [], 0
    for group in range(parquet.num_row_groups):
        after = first + parquet.metadata.row_group(group).num_rows
        bounds.append((first, after))
        first = after
    return bounds


def _place(listing: Listing) -> tuple[str, int]:
    return str(listing.location["column"]), int(listing.location["row"])


def _group_of(groups: Sequence[tuple[int, int]], listing: Listing, part: str) -> int:
    _, row = _place(listing)
    for group, (first, after) in enumerate(groups):
        if first <= row < after:
            return group
    raise SourceError(f"{part}: has no row {row} any more; list the source again")


def _images(files: ParquetSet, part: str, parquet: Any, group: int, asked: Sequence[Listing]) -> _Images:
    """The images of a row group that are asked for."""
    wanted: dict[str, set[int]] = {}
    for listing in asked:
        column, row = _place(listing)
        wanted.setdefault(column, set()).add(row)
    images: _Images = {}
    for column, rows in wanted.items():
        leaf = _image_leaf(parquet, column, files, part)
        first, _ = _bounds(parquet)[group]
        for batch in parquet.iter_batches(_IMAGES_AT_ONCE, row_groups=[group], columns=[leaf], use_threads=False):
            array = _column(batch, leaf)
            here = [row for row in rows if first <= row < first + batch.num_rows]
            images.update({(column, row): array[row - first].as_py() for row in here})
            first += batch.num_rows
    return images


def _outcome(data: bytes | None, max_bytes: int) -> bytes | RejectedItem:
    if data is None:
        return RejectedItem(Reason.NOT_FOUND, "the row holds no image")
    if len(data) > max_bytes:
        return RejectedItem(Reason.TOO_LARGE, f"{len(data)} bytes, max_bytes is {max_bytes}")
    return data


def _names_in_schema(schema: Any, column: str) -> tuple[str, ...]:
    """Of the features that `datasets` writes into a schema: `{"label": {"names": [...], "_type": "ClassLabel"}}`."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    feature = features.get(column) if isinstance(features, dict) else None
    names = feature.get("names") if isinstance(feature, dict) else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _names_in_card(card: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """Of a card's `dataset_info`: `features: [{name: label, dtype: {class_label: {names: {'0': cat, ...}}}}]`."""
    infos = card.get("dataset_info")
    for info in infos if isinstance(infos, list) else [infos]:
        features = info.get("features") if isinstance(info, dict) else None
        for feature in features if isinstance(features, list) else ():
            try:
                if feature["name"] == column:
                    names = feature["dtype"]["class_label"]["names"]
                    return tuple(str(names[key]) for key in sorted(names, key=int))
            except (KeyError, TypeError, ValueError):
                continue
    return ()
