"""The bounds that a Parquet file states of its columns, read in a process of its own: pyarrow stops at some damaged ones."""

import io
import json
import subprocess
import sys
from collections.abc import Sequence

import pyarrow.parquet as pq

_SECONDS = 60

Bounds = dict[str, list[str]]
"""Smallest and largest value of the columns of a row group that states them."""


def read_bounds(metadata: pq.FileMetaData, columns: Sequence[str]) -> list[Bounds]:
    """The bounds of some columns of text, row group by row group; none of any where they cannot be read.

    Args:
        metadata: the file's; not to be trusted.
        columns: names of its columns.
    """
    footer = io.BytesIO()
    metadata.write_metadata_file(footer)
    try:
        found = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", "pages.app.bounds", *columns],
            input=footer.getvalue(),
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    except (subprocess.SubprocessError, OSError):
        return [{}] * metadata.num_row_groups
    stated: list[Bounds] = json.loads(found.stdout)
    return stated


def _stated(metadata: pq.FileMetaData, columns: Sequence[str]) -> list[Bounds]:
    places = {column: metadata.schema.to_arrow_schema().get_field_index(column) for column in columns}
    groups = []
    for group in range(metadata.num_row_groups):
        bounds: Bounds = {}
        for column, place in places.items():
            statistics = metadata.row_group(group).column(place).statistics
            if statistics is not None and statistics.has_min_max and isinstance(statistics.min, str):
                bounds[column] = [statistics.min, statistics.max]
        groups.append(bounds)
    return groups


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_stated(pq.read_metadata(io.BytesIO(sys.stdin.buffer.read())), sys.argv[1:])))
