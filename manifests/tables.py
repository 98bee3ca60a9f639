"""The dataset's tables beside the manifest: Parquet for those who query, CSV for those who attribute."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import canonical
from manifests.chunks import slices
from manifests.digital_source import of_pair
from manifests.parts import AnyPair, CreditedImage
from manifests.records import Pair
from manifests.shards import Scalar, metadata
from manifests.storage import Folder
from manifests.terms import terms_of_pair

ROWS = 10_000
"""Of a row group."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width

MANIFEST_COLUMNS = pa.schema(
    [
        ("pair_id", pa.string()),
        ("group_id", pa.string()),
        ("split", pa.string()),
        ("real_key", pa.string()),
        ("view", pa.string()),
        ("framing", pa.string()),
        ("source", pa.string()),
        ("source_id", pa.string()),
        ("class_label", pa.string()),
        ("caption", pa.string()),
        ("license", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("generators", pa.string()),
        ("digital_source_types", pa.string()),
        ("terms", pa.string()),
        ("url", pa.string()),
        ("sha256", pa.string()),
        ("shard", pa.string()),
        ("record", pa.string()),
    ]
)

CREDITS = ("key", "source", "source_id", "license", "author", "author_url", "title", "url", "landing_url", "changes")
"""The columns of `ATTRIBUTION.csv`."""

PROVENANCE_COLUMNS = pa.schema(
    [
        ("stage", pa.string()),
        ("chunk", pa.int32()),
        ("started", pa.timestamp("ms", tz="UTC")),
        ("ended", pa.timestamp("ms", tz="UTC")),
        ("note", pa.string()),
    ]
)


def write_manifest_parquet(folder: Folder, pairs: Iterable[Pair], *, labels: bool = False) -> None:
    """Write `manifest.parquet`: see `ManifestTable`.

    Args:
        folder: where to.
        pairs: in the manifest's order.
        labels: add a column `label`.
    """
    with folder.create("manifest.parquet") as stream, ManifestTable(stream, labels=labels) as table:
        for batch in slices(pairs, ROWS):
            table.add(batch, [canonical.dumps(pair) for pair in batch])


class ManifestTable:
    """A row a pair, the columns people filter by, and the whole record as JSON. To be used as a context.

    Args:
        stream: where to.
        labels: add a column `label`: 0 real or 1 fake for an image that stands alone, null for a pair.
    """

    def __init__(self, stream: IO[bytes], *, labels: bool = False) -> None:
        self._schema = MANIFEST_COLUMNS.append(pa.field("label", pa.int8())) if labels else MANIFEST_COLUMNS
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, pairs: Sequence[AnyPair], records: Sequence[bytes]) -> None:
        """Write some pairs, which become a row group: `ROWS` of them, but for the last.

        Args:
            pairs: in the manifest's order.
            records: their canonical JSON.
        """
        rows = [_row(pair) for pair in pairs]
        columns = {name: [row.get(name) for row in rows] for name in self._schema.names} | {"record": records}
        self._writer.write_table(pa.table(columns, schema=self._schema))


def _row(pair: AnyPair) -> dict[str, Scalar]:
    row = {
        **metadata(pair),
        "digital_source_types": of_pair(pair),
        "terms": terms_of_pair(pair),
        "url": pair.image.url,
        "sha256": pair.image.sha256,
        "shard": pair.shard,
    }
    return {**row, "real_key": pair.image.key, "generators": pair.generator} if pair.is_single else row


def write_provenance(folder: Folder, rows: Iterable[dict[str, Any]]) -> None:
    """Write `provenance.parquet`: when each chunk was made; not part of the promise of equal bytes."""
    _write_parquet(folder, "provenance.parquet", PROVENANCE_COLUMNS, rows)


def _write_parquet(folder: Folder, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    with folder.create(name) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in slices(rows, ROWS):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def write_attribution(folder: Folder, pairs: Iterable[Pair]) -> None:
    """Write `ATTRIBUTION.csv`: see `Attribution`."""
    with folder.create("ATTRIBUTION.csv") as stream, Attribution(stream) as attribution:
        for batch in slices(pairs, ROWS):
            attribution.add(batch)


class Attribution:
    """A line an image of a source, in the order in which they first appear. To be used as a context.

    Args:
        stream: where to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._seen: set[int] = set()
        self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        # all is quoted: Python leaves a lone carriage return bare, which ends the line for whoever reads it
        self._writer = csv.writer(self._text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(CREDITS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.detach()  # which writes what it holds, and leaves the stream open

    def add(self, pairs: Iterable[AnyPair]) -> None:
        """List the images of some pairs, those that are not listed yet."""
        for image in (image for pair in pairs for image in pair.images):
            key = int(image.key, 16)
            if key not in self._seen:
                self._seen.add(key)
                self._writer.writerow(credits_of(image))


def credits_of(image: CreditedImage) -> list[str]:
    """An image's line of `ATTRIBUTION.csv`: a field for each of `CREDITS`."""
    fields: Sequence[str] = (
        image.key,
        image.source,
        image.source_id,
        image.license,
        image.author,
        image.author_url,
        image.title,
        image.url,
        image.landing_url,
        "an image was made from it" if image.is_prompt else "cropped, resized and encoded again",
    )
    return [inert(field) for field in fields]


def inert(field: str) -> str:
    """A field that no spreadsheet takes for a formula: an apostrophe stands before what would begin one."""
    # white space before a sign is dropped by some
    return f"'{field}" if field.lstrip().startswith(_FORMULA_SIGNS) else field
