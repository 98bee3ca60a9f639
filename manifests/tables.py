"""The dataset's tables beside the manifest: Parquet for those who query, CSV for those who attribute."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import IO, Any, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import canonical
from manifests.chunks import slices
from manifests.digital_source import of_pair
from manifests.parts import AnyPair, CreditedImage
from manifests.records import Pair
from manifests.shards import Scalar, shown
from manifests.storage import Folder
from manifests.terms import terms_of_pair

T = TypeVar("T")

_ROWS = 10_000
"""Of a row group."""
_PIECE = 1024
"""Rows that are made at a time: what memory is given back and taken anew is little, and as many as the writer encodes at once."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width

_COLUMNS: dict[str, tuple[pa.DataType, Callable[[AnyPair], Scalar | None]]] = {
    "pair_id": (pa.string(), attrgetter("pair_id")),
    "group_id": (pa.string(), attrgetter("group_id")),
    "split": (pa.string(), attrgetter("split")),
    "real_key": (pa.string(), attrgetter("image.key")),
    "view": (pa.string(), attrgetter("frame.view")),
    "framing": (pa.string(), attrgetter("frame.framing")),
    "source": (pa.string(), attrgetter("image.source")),
    "source_id": (pa.string(), attrgetter("image.source_id")),
    "class_label": (pa.string(), attrgetter("image.class_label")),
    "caption": (pa.string(), attrgetter("caption.cleaned")),
    "license": (pa.string(), attrgetter("image.license")),
    "width": (pa.int32(), lambda pair: shown(pair).width),
    "height": (pa.int32(), lambda pair: shown(pair).height),
    "generators": (pa.string(), lambda pair: pair.generator if pair.is_single else ",".join(sorted(pair.fakes))),
    "digital_source_types": (pa.string(), of_pair),
    "terms": (pa.string(), terms_of_pair),
    "url": (pa.string(), attrgetter("image.url")),
    "sha256": (pa.string(), attrgetter("image.sha256")),
    "shard": (pa.string(), attrgetter("shard")),
}
_LABEL: dict[str, tuple[pa.DataType, Callable[[AnyPair], Scalar | None]]] = {
    "label": (pa.int8(), lambda pair: pair.label if pair.is_single else None)
}
_RECORD = pa.field("record", pa.string())

MANIFEST_COLUMNS = pa.schema([*((name, kind) for name, (kind, _) in _COLUMNS.items()), _RECORD])

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
        for batch in pieces(pairs):
            table.write(table.columns(batch, [canonical.dumps(pair) for pair in batch]))


class ManifestTable:
    """A row a pair, the columns people filter by, and the whole record as JSON. To be used as a context.

    Args:
        stream: where to.
        labels: add a column `label`: 0 real or 1 fake for an image that stands alone, null for a pair.
    """

    def __init__(self, stream: IO[bytes], *, labels: bool = False) -> None:
        label = pa.field("label", _LABEL["label"][0])
        self._schema = MANIFEST_COLUMNS.append(label) if labels else MANIFEST_COLUMNS
        self._columns = {**_COLUMNS, **_LABEL} if labels else _COLUMNS
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        self._pieces: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._put_down()
        self._writer.close()

    def columns(self, pairs: Sequence[AnyPair], records: Sequence[bytes]) -> pa.Table:
        """The rows of some pairs.

        Args:
            pairs: in the manifest's order.
            records: their canonical JSON.
        """
        columns = {name: [*map(value, pairs)] for name, (_, value) in self._columns.items()}
        return pa.table({**columns, _RECORD.name: records}, schema=self._schema)

    def write(self, rows: pa.Table) -> None:
        """Write the rows of a piece of `pieces`."""
        self._pieces.append(rows)
        if sum(map(len, self._pieces)) == _ROWS:
            self._put_down()

    def _put_down(self) -> None:
        """The pieces become a row group."""
        if self._pieces:
            self._writer.write_table(pa.concat_tables(self._pieces))
            self._pieces.clear()


def pieces(items: Iterable[T]) -> Iterator[list[T]]:
    """The parts in which rows are made: consecutive lists, of which none reaches beyond a row group."""
    remaining, filled = iter(items), 0
    while piece := list(islice(remaining, min(_PIECE, _ROWS - filled))):
        yield piece
        filled = (filled + len(piece)) % _ROWS


def write_provenance(folder: Folder, rows: Iterable[dict[str, Any]]) -> None:
    """Write `provenance.parquet`: when each chunk was made; not part of the promise of equal bytes."""
    _write_parquet(folder, "provenance.parquet", PROVENANCE_COLUMNS, rows)


def _write_parquet(folder: Folder, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    with folder.create(name) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in slices(rows, _ROWS):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


class Attribution:
    """A line an image of a source, in the order in which they first appear.

    Args:
        stream: where to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._seen: set[int] = set()
        self._stream = stream
        stream.write(_csv([CREDITS]))

    def add(self, pairs: Iterable[AnyPair]) -> None:
        """List the images of some pairs, those that are not listed yet."""
        rows = []
        for image in (image for pair in pairs for image in pair.images):
            key = int(image.key, 16)
            if key not in self._seen:
                self._seen.add(key)
                rows.append(credits_of(image))
        self._stream.write(_csv(rows))


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    """All is quoted: a lone carriage return, left bare, ends the line for whoever reads it."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


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
    if field[:1].isalnum():
        return field
    # white space before a sign is dropped by some
    return f"'{field}" if field.lstrip().startswith(_FORMULA_SIGNS) else field
