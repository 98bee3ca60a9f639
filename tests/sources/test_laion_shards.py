"""Shards of a set of tables: however they are cut, they are all of it, once."""

from math import ceil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import SourceError
from sources.laion_shards import cut
from sources.tables.parquet_tables import batches, open_table
from sources.tables.parts import Part, find_parts


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Part]:
    """Files of 0 to 9 rows in row groups of three; rows are numbered file by file."""
    folder = tmp_path_factory.mktemp("parts")
    for length in range(10):
        table = pa.table({"row": pa.array(range(length), pa.int64())})
        pq.write_table(table, folder / f"part-{length:05d}-x-c000.snappy.parquet", row_group_size=3)
    return find_parts(str(folder), [".parquet"])


def rows(part: Part, wanted: range) -> list[int]:
    with open_table(part.url) as table:
        found = list(batches(table, ["row"], wanted))
    assert all(batch.column("row")[0].as_py() == start for start, batch in found)
    return [row for _, batch in found for row in batch.column("row").to_pylist()]


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=4), size=st.integers(1, 12), run_on=st.booleans())
def test_all_shards_together_are_all_rows_in_their_order(
    parts: list[Part], lengths: list[int], size: int, run_on: bool
):
    chosen = [parts[length] for length in lengths]
    # img2dataset cuts each file by itself
    count = ceil(sum(lengths) / size) if run_on else sum(ceil(length / size) for length in lengths)
    found = []
    for shard in range(count):
        slices = cut(chosen, (shard, shard), size, run_on=run_on, path="set")
        taken = [(part, row) for part, wanted in slices for row in rows(part, wanted)]
        assert 0 < len(taken) <= size
        assert run_on or len(slices) == 1
        found += taken
    assert found == [(part, row) for part, length in zip(chosen, lengths, strict=True) for row in range(length)]
    with pytest.raises(SourceError, match=f"asks for 0 to {count}"):
        cut(chosen, (0, count), size, run_on=run_on, path="set")


def test_a_file_that_is_gone_is_one_clear_line(tmp_path: Path):
    with pytest.raises(SourceError, match="there is no such file"):
        cut([Part("x", str(tmp_path / "x"), None)], (0, 0), 1, run_on=True, path="set")
