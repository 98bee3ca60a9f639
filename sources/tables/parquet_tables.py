"""Parquet tables that say where images are: read batch by batch, the wanted columns and rows alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.errors import SourceError
from sources.files import open_file
from sources.messages import one_line

_ROWS_AT_ONCE = 16_384
_BUFFER = 2**20  # bytes of a column that are read at once; without it pyarrow takes a row group's whole column


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both ends are included; a row whose cell is null or not a number is outside."""

    column: str
    low: float
    high: float


@contextmanager
def open_table(url: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open for reading; only its footer has been read.

    Raises:
        SourceError: there is no such file, or it is not Parquet, or a part of it is damaged.
    """
    try:
        with open_file(url) as stream, pq.ParquetFile(stream, buffer_size=_BUFFER) as table:
            names = table.schema_arrow.names
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise SourceError(f"{url}: two columns are called {twice!r}; rename one")
            yield table
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise SourceError(f"{url}: not a whole Parquet file ({one_line(error)}); fetch it again") from error


def batches(
    table: pq.ParquetFile, columns: Sequence[str], rows: range, bounds: Sequence[Bounds] = ()
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Some rows of a table in their order, with the number of each batch's first row.

    Row groups that hold none of the rows are not read, and of those that hold none within the bounds only the columns
    that are bounded. Rows that are out of bounds come all the same: `within` tells them.

    Args:
        table: the table.
        columns: names of what is read of each row.
        rows: consecutive rows, counted from the table's first.
        bounds: what is asked of rows.
    """
    start = 0
    for group in range(table.num_row_groups):
        end = start + table.metadata.row_group(group).num_rows
        if start < rows.stop and end > rows.start and _holds_any(table, group, bounds):
            number = start
            for batch in table.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=list(columns)):
                low, high = max(rows.start - number, 0), min(rows.stop - number, batch.num_rows)
                if low < high:
                    yield number + low, batch.slice(low, high - low)
                number += batch.num_rows
        start = end


def read_cells(table: pq.ParquetFile, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some columns of all rows, with the row's number from 0. Texts hold no bytes that are not UTF-8.

    Args:
        table: the table.
        columns: their names.
    """
    for start, batch in batches(table, columns, range(table.metadata.num_rows)):
        cells = [_values(batch.column(column)) for column in columns]
        for number, row in enumerate(zip(*cells, strict=True), start=start):
            yield number, dict(zip(columns, row, strict=True))


def within(batch: pa.RecordBatch, bounds: Sequence[Bounds]) -> pa.BooleanArray:
    """Which rows of a batch are within all bounds."""
    kept = pa.repeat(pa.scalar(value=True), batch.num_rows)
    for bound in bounds:
        cells = numbers(batch.column(bound.column))
        inside = pc.and_(pc.greater_equal(cells, bound.low), pc.less_equal(cells, bound.high))
        kept = pc.and_(kept, pc.fill_null(inside, fill_value=False))
    return kept


def numbers(cells: pa.Array) -> pa.DoubleArray:
    """Cells as float64, whatever type of number they are; null where a cell is null, NaN or infinite.

    Raises:
        pyarrow.ArrowException: the cells are no numbers.
    """
    values = cells.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether `numbers` takes cells of a type."""
    types = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
    return any(is_type(kind) for is_type in types)


def texts(cells: pa.Array) -> list[str]:
    """Cells as texts: empty for null; bytes that are not UTF-8 become U+FFFD."""
    if pa.types.is_string(cells.type):  # pyarrow does not check it, and stops at the first byte that is wrong
        cells = cells.cast(pa.binary())
    elif pa.types.is_large_string(cells.type):
        cells = cells.cast(pa.large_binary())
    return [_text(cell) for cell in cells.to_pylist()]


def _values(cells: pa.Array) -> list[Any]:
    is_text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
    values: list[Any] = texts(cells) if is_text else cells.to_pylist()
    return values


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)


def _holds_any(table: pq.ParquetFile, group: int, bounds: Sequence[Bounds]) -> bool:
    """Whether a row group holds rows within the bounds, by its cells.

    Its statistics would tell sooner, but pyarrow stops the whole program at some damaged ones: nobody asks for them.
    """
    if not bounds:
        return True
    columns = list(dict.fromkeys(bound.column for bound in bounds))
    batches_ = table.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=columns)
    return any(within(batch, bounds).true_count for batch in batches_)
