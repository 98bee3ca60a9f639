"""Parquet with the images inside, as the Hub's viewer and `datasets` read it: a file a shard, a row an image."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from flows.exporting.format import AllRows, ExportFormat
from flows.exporting.rows import COLUMNS, LABEL_NAMES, ImageRow, file_name
from manifests.chunks import slices

_ROWS = 100
"""Of a row group: images of a megabyte make one of a hundred."""

_TEXTS = tuple(name for name in COLUMNS if name not in ("path", "label", "width", "height"))
_FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": list(LABEL_NAMES), "_type": "ClassLabel"},
    **{name: {"dtype": "string", "_type": "Value"} for name in _TEXTS},
    **{name: {"dtype": "int32", "_type": "Value"} for name in ("width", "height")},
}
_SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.int64()),
        *((name, pa.string()) for name in _TEXTS),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


@dataclass(frozen=True)
class ParquetFormat(ExportFormat):
    """`data/<shard>.parquet`; the names begin with the split."""

    def write_shard(self, shard: str, images: Iterable[tuple[ImageRow, bytes]]) -> Sequence[ImageRow]:
        """Write one file, as its images come."""
        path = f"data/{shard}.parquet"
        rows = []
        with self.folder.create(path) as stream, pq.ParquetWriter(stream, _SCHEMA, compression="zstd") as writer:
            for batch in slices(images, _ROWS):
                records = [
                    {**row.model_dump(), "image": {"bytes": data, "path": file_name(row, data)}} for row, data in batch
                ]
                writer.write_table(pa.Table.from_pylist(records, schema=_SCHEMA))
                rows += [row.model_copy(update={"path": path}) for row, _ in batch]
        return rows

    def finish(self, rows: AllRows) -> None:
        """Nothing is left to say: the files describe themselves."""
