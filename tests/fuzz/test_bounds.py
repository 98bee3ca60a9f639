"""The pages' list of pairs, whose bounds are damaged: it is slower for it, and goes on."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from pages.app.bounds import read_bounds


def footer(values: list[str]) -> bytes:
    """The table of two row groups."""
    stream = io.BytesIO()
    pq.write_table(pa.table({"pair_id": values}), stream, row_group_size=2, store_schema=False)
    return stream.getvalue()


def test_bounds_are_those_of_the_row_groups():
    metadata = pq.read_metadata(io.BytesIO(footer(["a", "b", "c", "d"])))

    assert read_bounds(metadata, ["pair_id"]) == [{"pair_id": ["a", "b"]}, {"pair_id": ["c", "d"]}]


def test_bounds_that_end_a_process_are_none():
    """pyarrow reads the footer, and stops the program where a column of it is looked at."""
    whole = footer(["a", "b", "c", "d"])
    place = whole.rindex(b"pair_id") - 9
    damaged = pq.read_metadata(io.BytesIO(whole[:place] + b"\x00" + whole[place + 1 :]))

    assert read_bounds(damaged, ["pair_id"]) == [{}, {}]
