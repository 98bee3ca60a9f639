"""Every bit of a Parquet file's footer, turned over: pyarrow ends the whole program at some damaged statistics."""

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sources.laion import LaionConfig
from tests.fuzz.harness import EXAMPLES, Target, survive_each


def table() -> bytes:
    """A table of two row groups, whose scores have statistics."""
    stream = io.BytesIO()
    rows = {"URL": ["http://example.org/1.jpg"] * 4, "punsafe": [0.1, 0.2, 0.8, 0.9]}
    pq.write_table(pa.table(rows), stream, row_group_size=2, store_schema=False)
    return stream.getvalue()


def turned_over(data: bytes, step: int) -> Sequence[bytes]:
    """The file with one bit of its footer turned over, for every `step`th bit of it."""
    footer = int.from_bytes(data[-8:-4], "little")
    bits = range((len(data) - 8 - footer) * 8, (len(data) - 8) * 8, step)
    return [data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :] for bit in bits]


def read(file: Path) -> None:
    """What scores ask of a table: row groups that hold none of them are passed over."""
    settings = LaionConfig(path=str(file), max_scores={"punsafe": 0.5}, columns={"url": "URL", "punsafe": "punsafe"})
    list(settings.open().list())


def test_no_bit_of_a_footer_ends_the_program(tmp_path: Path):
    target = Target("Parquet, footer", "table.parquet", lambda: [table()], read)

    outcomes = survive_each(target, turned_over(table(), 1 if EXAMPLES else 13), tmp_path)

    assert outcomes["refused"]
