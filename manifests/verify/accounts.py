"""What stands beside the manifest, against it: rejects, tombstones, attribution, Parquet table, Croissant digests."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import canonical
from manifests.errors import DatasetError
from manifests.header import Header
from manifests.index import Index
from manifests.records import Pair, Reason, Reject, SourceImage
from manifests.storage import Folder
from manifests.tables import CREDITS, credits_of
from manifests.tombstones import TOMBSTONES, Tombstones, read_tombstones
from manifests.verify.findings import Finding
from manifests.verify.lines import read_lines
from manifests.verify.pairs import MANIFEST
from manifests.verify.recipes import tables_of
from manifests.withheld import COMPLETE

ATTRIBUTION, TABLE, REJECTS, CROISSANT = "ATTRIBUTION.csv", "manifest.parquet", "rejects.jsonl", "croissant.json"

# sources whose images all come with a licence that asks for the author's name, and with the name
_NAMED_AUTHORS = frozenset({"open-images"})
# licences that ask for a name: where a source does not know it, for a place where it is told
_ATTRIBUTION = re.compile(r"creativecommons\.org/licenses/by|^cc[- ]by", re.IGNORECASE)


def check_rejects(folder: Folder, used: set[str], counts: Counter[str]) -> Iterator[Finding]:
    """Each reject against its schema, and whether what was dropped is used all the same.

    Args:
        folder: the dataset.
        used: ids of all pairs, and keys of their reals.
        counts: the lines are counted here.
    """
    try:
        for line in read_lines(folder, REJECTS, Reject):
            counts["rejects"] += 1
            yield from line.findings
            # a further copy of the same bytes has the key of the one that is used
            if line.record is not None and line.record.reason is not Reason.DUPLICATE and line.record.key in used:
                text = f"key: {line.record.key} was dropped ({line.record.reason}), but is in the manifest"
                yield Finding(file=REJECTS, place=f"line {line.number}", text=text)
    except FileNotFoundError:
        yield Finding(file=REJECTS, place="", text="missing; expected a line for each item that was dropped")


def load_tombstones(folder: Folder) -> tuple[Tombstones, list[Finding]]:
    """What was taken down; an empty set and a finding where the file is damaged."""
    try:
        return read_tombstones(folder), []
    except DatasetError as error:
        text = str(error).removeprefix(f"{folder}/{TOMBSTONES}").removeprefix(", ")
        return Tombstones(), [Finding(file=TOMBSTONES, place="", text=text)]


@dataclass
class Attribution:
    """Whether everybody who has to be named is named.

    Attributes:
        header: tells which sources ask for names.
        credits: what the list has to say of each image so far, by its key, as a hash.
    """

    header: Header
    credits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sources = tables_of(self.header, "sources")
        self._named = {source.get("name") for source in sources if source.get("type") in _NAMED_AUTHORS}

    def check(self, real: SourceImage, number: int) -> Iterator[Finding]:
        """What a real image's line lacks."""
        if real.key in self.credits:
            return
        self.credits[real.key] = hash(tuple(credits_of(real)))
        if real.source in self._named:
            for name, value in (("author", real.author), ("license", real.license)):
                if not value.strip():
                    text = f"image.{name}: empty, but source {real.source} asks that it be given"
                    yield Finding(file=MANIFEST, place=f"line {number}", text=text)
        elif _ATTRIBUTION.search(real.license.strip()) and not any((real.author, real.landing_url, real.url)):
            text = f"image.author: empty, and no URL either, but the licence {real.license!r:.80} asks for a name"
            yield Finding(file=MANIFEST, place=f"line {number}", text=text)

    def check_list(self, folder: Folder) -> Iterator[Finding]:
        """Each image is listed once, as the manifest has it, and nobody else is."""
        try:
            rows = _credits(folder)
        except FileNotFoundError:
            yield Finding(file=ATTRIBUTION, place="", text="missing; expected a line for each real image")
            return
        except (ValueError, csv.Error) as error:
            yield Finding(file=ATTRIBUTION, place="", text=f"not a CSV table of {', '.join(CREDITS)} ({error})")
            return
        listed = Counter(key for key, _ in rows)
        for key in sorted({key for key, told in rows if self.credits.get(key, told) != told}):
            yield Finding(file=ATTRIBUTION, place=f"key {key}", text="not what the manifest says of this image")
        for key in sorted(self.credits.keys() - listed.keys()):
            yield Finding(file=ATTRIBUTION, place=f"key {key}", text="missing; the manifest uses this image")
        for key, times in sorted(listed.items()):
            if key not in self.credits:
                yield Finding(file=ATTRIBUTION, place=f"key {key}", text="the manifest uses no such image")
            elif times > 1:
                yield Finding(file=ATTRIBUTION, place=f"key {key}", text=f"listed {times} times, expected once")


def _credits(folder: Folder) -> list[tuple[str, int]]:
    """The lines of `ATTRIBUTION.csv`: key, and a hash of the whole line.

    Raises:
        ValueError: the file is no such table.
        csv.Error: a line is none of CSV.
    """
    lines = csv.reader(io.StringIO(folder.read(ATTRIBUTION).decode(), newline=""))
    if tuple(next(lines, ())) != CREDITS:
        raise ValueError("its first line names other columns")
    return [(line[0], hash(tuple(line))) for line in lines if line]


def check_table(folder: Folder) -> Iterator[Finding]:
    """The rows of the Parquet table against the manifest's lines: as many, and each the same record."""
    lines = _lines(folder)
    row = 0
    try:
        with folder.open(TABLE) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=["pair_id", "record"]):
                for pair_id, record in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    row += 1
                    line = next(lines, None)
                    if line is None or str(record).encode() != line:
                        text = "the manifest has no such line" if line is None else f"not the manifest's line {row + 1}"
                        yield Finding(file=TABLE, place=f"row {row} ({pair_id})", text=text)
    except FileNotFoundError:
        yield Finding(file=TABLE, place="", text="missing; expected a row for each pair")
        return
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Finding(file=TABLE, place="", text=f"cannot be read ({str(error).splitlines()[0]:.200})")
        return
    if left := sum(1 for _ in lines):
        yield Finding(file=TABLE, place="", text=f"{row} rows, the manifest has {row + left} pairs")


def _lines(folder: Folder) -> Iterator[bytes]:
    """The manifest's lines after the header."""
    with folder.open(MANIFEST) as stream:
        next(stream, None)
        for line in stream:
            yield line.rstrip(b"\n")


def check_croissant(folder: Folder, index: Index) -> Iterator[Finding]:
    """The digests in the Croissant description against the index."""
    try:
        description = canonical.loads(folder.read(CROISSANT))
        listed: Mapping[str, str] = {
            str(entry["contentUrl"]): str(entry["sha256"])
            for entry in description["distribution"]
            if entry["@type"] != "cr:FileSet"  # names files inside others
        }
    except FileNotFoundError:
        yield Finding(file=CROISSANT, place="", text="missing")
        return
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        yield Finding(file=CROISSANT, place="", text=f"no Croissant description ({error!r:.100})")
        return
    for name, digest in sorted(listed.items()):
        if name not in index.files or index.files[name].sha256 != digest:
            yield Finding(file=CROISSANT, place=name, text="its sha256 is not the index's")


def taken_down(tombstones: Tombstones, pair: Pair, number: int, file: str = MANIFEST) -> Iterator[Finding]:
    """Whether a pair is of an image that was taken down."""
    if tombstones.covers(*pair.images):
        text = f"image.sha256: {pair.image.sha256} was taken down ({TOMBSTONES})"
        yield Finding(file=file, place=f"line {number}", text=text)


def check_complete(folder: Folder, tombstones: Tombstones) -> Iterator[Finding]:
    """The manifest of what is published without its pixels, where there is one: its lines, and that none was taken down."""
    if folder.size(COMPLETE) is None:
        return
    for line in read_lines(folder, COMPLETE, Pair, first=2):
        yield from line.findings
        if line.record is not None:
            yield from taken_down(tombstones, line.record, line.number, COMPLETE)
