"""The dataset's tables beside the manifest: Parquet for those who query, CSV for those who attribute."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import canonical
from manifests.chunks import slices
from manifests.digital_source import of_pair
from manifests.records import Pair, SourceImage
from manifests.shards import metadata
from manifests.storage import Folder
from manifests.terms import terms_of_pair

_ROWS = 10_000
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


def write_manifest_parquet(
    folder: Folder, pairs: Iterable[Pair], *, labels: bool = False, manifest: IO[bytes] | None = None
) -> None:
    """Write `manifest.parquet`: a row a pair, the columns people filter by, and the whole record as JSON.

    Args:
        folder: where to.
        pairs: in the manifest's order.
        labels: add a column `label`: 0 real or 1 fake for an image that stands alone, null for a pair.
        manifest: where each record is written, too, a line a pair.
    """
    schema = MANIFEST_COLUMNS.append(pa.field("label", pa.int8())) if labels else MANIFEST_COLUMNS
    _write_parquet(
        folder, "manifest.parquet", schema, (_row(pair, record) for pair, record in _with_records(pairs, manifest))
    )


def _with_records(pairs: Iterable[Pair], manifest: IO[bytes] | None) -> Iterator[tuple[Pair, bytes]]:
    for pair in pairs:
        record = canonical.dumps(pair)
        if manifest is not None:
            manifest.write(record + b"\n")
        yield pair, record


def _row(pair: Pair, record: bytes) -> dict[str, Any]:
    row = {
        **metadata(pair),
        "digital_source_types": of_pair(pair),
        "terms": terms_of_pair(pair),
        "url": pair.image.url,
        "sha256": pair.image.sha256,
        "shard": pair.shard,
        "record": record.decode(),
    }
    return {**row, "real_key": pair.image.key, "generators": pair.generator} if pair.is_single else row


def write_provenance(folder: Folder, rows: Iterable[dict[str, Any]]) -> None:
    """Write `provenance.parquet`: when each chunk was made; not part of the promise of equal bytes."""
    _write_parquet(folder, "provenance.parquet", PROVENANCE_COLUMNS, rows)


def _write_parquet(folder: Folder, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    with folder.create(name) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in slices(rows, _ROWS):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def write_attribution(folder: Folder, pairs: Iterable[Pair]) -> int:
    """Write `ATTRIBUTION.csv`: a line an image of a source, in the order in which they first appear.

    Returns:
        Number of images listed.
    """
    seen: set[str] = set()
    with folder.create("ATTRIBUTION.csv") as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        # all is quoted: Python leaves a lone carriage return bare, which ends the line for whoever reads it
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(CREDITS)
        for image in (image for pair in pairs for image in pair.images):
            if image.key not in seen:
                seen.add(image.key)
                writer.writerow(credits_of(image))
        text.detach()  # which writes what it holds, and leaves the stream open
    return len(seen)


def credits_of(image: SourceImage) -> list[str]:
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
