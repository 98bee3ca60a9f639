"""The pairs of a dataset of any size, filtered and paged by `manifest.parquet`: row group by row group, never as a whole.

A filter costs one pass over the columns that it asks about, and no more of that pass than the page needs; what is kept
of it is one number a row group. A page then reads the one or two row groups in which it lies.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic_core import from_json

from manifests.errors import DatasetError
from manifests.records import IMAGE, REAL
from manifests.storage import Folder
from pages.app.bounds import Bounds, read_bounds

MANIFEST = "manifest.parquet"
_SELECTIONS_KEPT = 64
_CHOICES_SHOWN = 5_000
_BOUNDED = ("pair_id", "split", "view", "source", "class_label")
_RECORD_ROWS = 256
_PAIR_ID = re.compile(r"[0-9a-f]{16}-[a-z0-9_]{1,100}")


@dataclass(frozen=True)
class Filters:
    """What pairs are asked for; an empty text asks for nothing.

    Attributes:
        split: `train`, `validation` or `test`.
        view: the view's name.
        source: the source's name.
        class_label: the class of the real image.
        generator: a generator that has a fake in the pair.
        text: words that all stand in the caption, in any order and case.
        similarity: least similarity of a retrieved fake's prompt with the caption, -1 to 1; None asks for nothing.
    """

    split: str = ""
    view: str = ""
    source: str = ""
    class_label: str = ""
    generator: str = ""
    text: str = ""
    similarity: float | None = None

    @property
    def equal(self) -> dict[str, str]:
        """The columns that must hold a value, and which."""
        columns = {
            "split": self.split,
            "view": self.view,
            "source": self.source,
            "class_label": self.class_label,
        }
        return {column: value for column, value in columns.items() if value}


@dataclass(frozen=True)
class Row:
    """One pair as a list shows it.

    Attributes:
        place: row group, and the row's number in it.
    """

    place: tuple[int, int]
    pair_id: str
    split: str
    view: str
    framing: str
    source: str
    class_label: str
    caption: str
    width: int
    height: int
    generators: str
    shard: str

    def label(self, member: str) -> str:
        """What a member is called on a page: an image that stands alone by its generator, or `real`."""
        return (self.generators or REAL) if member == IMAGE else member


_COLUMNS = tuple(column.name for column in fields(Row) if column.name != "place")
_EMPTY: dict[str, Any] = {name: 0 if name in ("width", "height") else "" for name in _COLUMNS}
"""What a row says where it says nothing."""


@dataclass(frozen=True)
class Choices:
    """The values that a filter can ask for, sorted; no more than `_CHOICES_SHOWN` of each."""

    views: tuple[str, ...]
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    generators: tuple[str, ...]


class Catalogue:
    """The table of one dataset; safe for many threads.

    Args:
        folder: the dataset.

    Raises:
        DatasetError: `manifest.parquet` is missing or not as this project writes it.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._selections: OrderedDict[Filters, Selection] = OrderedDict()
        self._lock = threading.Lock()
        self._one_record = threading.Lock()
        self._choices: Choices | None = None
        self._sets: tuple[str, ...] = ()
        self._lock_of_bounds = threading.Lock()
        self._bounds: list[Bounds] | None = None
        with self._open() as file:
            _check(file.schema_arrow, f"{folder}/{MANIFEST}")
            self.metadata: pq.FileMetaData = file.metadata

    @property
    def total(self) -> int:
        """Number of pairs."""
        return int(self.metadata.num_rows)

    @property
    def groups(self) -> int:
        """Number of row groups."""
        return int(self.metadata.num_row_groups)

    def size(self, group: int) -> int:
        """Number of pairs in a row group."""
        return int(self.metadata.row_group(group).num_rows)

    def prepare(self) -> None:
        """Read what the first visitors would wait for: the filters' values, the file's bounds, the first pair.

        Raises:
            DatasetError: the table cannot be read.
        """
        self.select(Filters()).page(0, 1)
        if self.groups:
            self.may_hold(0, "pair_id", "")

    def choices(self) -> Choices:
        """What can be asked for; the first call reads four columns through."""
        with self._lock:
            if self._choices is None:
                found: dict[str, set[str]] = {"view": set(), "source": set(), "class_label": set(), "generators": set()}
                for group in range(self.groups):
                    table = self.read(group, list(found))
                    for column, values in found.items():
                        values.update(value or "" for value in pc.unique(table[column]).to_pylist())
                self._sets = tuple(sorted(found["generators"]))
                self._choices = Choices(
                    views=_shown(found["view"]),
                    sources=_shown(found["source"]),
                    classes=_shown(found["class_label"]),
                    generators=_shown({name for names in self._sets for name in names.split(",")}),
                )
            return self._choices

    def select(self, filters: Filters) -> "Selection":
        """The pairs that a filter asks for; nothing is read yet."""
        self.choices()
        with self._lock:
            found = self._selections.pop(filters, None) or Selection(self, filters, self._sets)
            self._selections[filters] = found
            while len(self._selections) > _SELECTIONS_KEPT:
                self._selections.popitem(last=False)
            return found

    def find(self, pair_id: str) -> Row | None:
        """A pair by its id; None where there is none.

        Args:
            pair_id: from anywhere; what is no id finds nothing.
        """
        if _PAIR_ID.fullmatch(pair_id) is None:
            return None
        for group in range(self.groups):
            if not self.may_hold(group, "pair_id", pair_id):
                continue
            place = pc.index(self.read(group, ["pair_id"])["pair_id"], pair_id).as_py()
            if place >= 0:
                return self.rows(group, [place])[0]
        return None

    def at(self, number: int) -> Row:
        """The pair that stands at a place of the table.

        Args:
            number: from 0 to `total` - 1.
        """
        for group in range(self.groups):
            count = self.size(group)
            if number < count:
                return self.rows(group, [number])[0]
            number -= count
        raise IndexError(number)

    def record(self, row: Row) -> str:
        """The whole record of a pair, as JSON."""
        group, place = row.place
        # a row group's records are tens of megabytes: one reader at a time, and no further than needed
        with self._one_record, self._open() as file:
            for batch in file.iter_batches(_RECORD_ROWS, row_groups=[group], columns=["record"]):
                if place < batch.num_rows:
                    return str(batch.column(0)[place].as_py())
                place -= batch.num_rows
        raise DatasetError(f"{self._folder}/{MANIFEST}: changed while it was read. Load the page again.")

    def rows(self, group: int, places: list[int]) -> list[Row]:
        """Some rows of a row group."""
        table = self.read(group, list(_COLUMNS)).take(pa.array(places, pa.int64()))
        return [
            Row(place=(group, place), **{name: _EMPTY[name] if value is None else value for name, value in row.items()})
            for place, row in zip(places, table.to_pylist(), strict=True)
        ]

    def read(self, group: int, columns: list[str]) -> pa.Table:
        """Some columns of a row group."""
        with self._open() as file:
            return file.read_row_group(group, columns=columns, use_threads=False)

    def similarities(self, group: int) -> Iterator[float | None]:
        """Of each pair of a row group: the largest similarity of a fake that was retrieved; None where none was."""
        with self._one_record, self._open() as file:
            for batch in file.iter_batches(_RECORD_ROWS, row_groups=[group], columns=["record"]):
                for record in batch.column(0):
                    yield _similarity(from_json(record.as_buffer().to_pybytes()))

    def may_hold(self, group: int, column: str, value: str) -> bool:
        """Whether a value can stand in a column of a row group, by the bounds that the file states."""
        if self.groups == 1:
            return True
        with self._lock_of_bounds:
            if self._bounds is None:
                self._bounds = read_bounds(self.metadata, _BOUNDED)
        low, high = self._bounds[group].get(column, ["", ""])
        return not high or low <= value <= high

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        """The file, open for one reader.

        Raises:
            DatasetError: it is missing, damaged, or was changed in between.
        """
        place = f"{self._folder}/{MANIFEST}"
        filesystem = None if self._folder.is_local else self._folder.fs
        metadata = getattr(self, "metadata", None)
        try:
            with pq.ParquetFile(self._folder.path(MANIFEST), metadata=metadata, filesystem=filesystem) as file:
                yield file
        except FileNotFoundError:
            raise DatasetError(f"{place}: missing. Build the dataset again, or fetch it whole.") from None
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{place}: cannot be read. Build it again, or fetch it again.") from error


class Selection:
    """The pairs of one filter: how many stand in each row group, as far as anybody has looked.

    Args:
        catalogue: where they stand.
        filters: what is asked for.
        sets: the values of the column `generators`.
    """

    def __init__(self, catalogue: Catalogue, filters: Filters, sets: tuple[str, ...]) -> None:
        self._catalogue = catalogue
        self._filters = filters
        self._sets = [names for names in sets if filters.generator in names.split(",")]
        self._counts: list[int] = []
        self._lock = threading.Lock()
        if filters == Filters():
            self._counts = [catalogue.size(group) for group in range(catalogue.groups)]

    @property
    def count(self) -> int:
        """Number of pairs found so far."""
        return sum(self._counts)

    @property
    def is_complete(self) -> bool:
        """Whether all row groups have been looked at, so that `count` is the number of all."""
        return len(self._counts) == self._catalogue.groups

    @property
    def looked_at(self) -> float:
        """The share of the row groups that have been looked at, 0 to 1."""
        return len(self._counts) / max(self._catalogue.groups, 1)

    def page(self, start: int, size: int, *, limit: float = 2.0, patience: float = 0.25) -> list[Row]:
        """The pairs from the number `start` on, `size` of them at most, in the manifest's order.

        Args:
            start: from 0.
            size: number of pairs.
            limit: seconds after which the search for the page's pairs stops; asked again, it goes on from there.
            patience: seconds for counting on, once the page is full.
        """
        self._look(start + size, limit, patience)
        rows: list[Row] = []
        before = 0
        for group, count in enumerate(self._counts):
            first, last = max(start - before, 0), min(start + size - before, count)
            if first < last:
                rows += self._catalogue.rows(group, self._places(group)[first:last])
            before += count
            if before >= start + size:
                break
        return rows

    def _look(self, wanted: int, limit: float, patience: float) -> None:
        """Count on until `wanted` pairs are found, and then for as long as patience lasts; one row group at least."""
        started = time.monotonic()
        with self._lock:
            while not self.is_complete:
                self._counts.append(len(self._places(len(self._counts))))
                if time.monotonic() - started > (limit if self.count < wanted else patience):
                    return

    def _places(self, group: int) -> list[int]:
        """Where in a row group the filter's pairs stand."""
        catalogue, filters = self._catalogue, self._filters
        size = catalogue.size(group)
        if filters == Filters():
            return list(range(size))
        if not all(catalogue.may_hold(group, column, value) for column, value in filters.equal.items()):
            return []
        mask = self._mask(group)
        places: list[int] = list(range(size)) if mask is None else pc.indices_nonzero(mask).to_pylist()
        if filters.similarity is not None and places:
            found = list(catalogue.similarities(group))
            return [place for place in places if (value := found[place]) is not None and value >= filters.similarity]
        return places

    def _mask(self, group: int) -> Any:
        """Which rows of a row group the filter's columns let through; None where it asks for none of them."""
        filters = self._filters
        columns = [
            *filters.equal,
            *(["generators"] if filters.generator else []),
            *(["caption"] if filters.text else []),
        ]
        if not columns:
            return None
        table = self._catalogue.read(group, columns)
        tests = [pc.equal(table[column], value) for column, value in filters.equal.items()]
        if filters.generator:
            tests.append(pc.is_in(table["generators"], value_set=pa.array(self._sets, pa.string())))
        tests += [pc.match_substring(table["caption"], word, ignore_case=True) for word in filters.text.split()]
        mask = tests[0] if tests else None
        for test in tests[1:]:
            mask = pc.and_(mask, test)
        return mask


def _check(schema: pa.Schema, place: str) -> None:
    for name, empty in (*_EMPTY.items(), ("record", "")):
        kind = schema.field(name).type if name in schema.names else None
        is_right = kind is not None and (pa.types.is_integer(kind) if empty == 0 else pa.types.is_string(kind))
        if not is_right:
            raise DatasetError(
                f"{place}: no column {name} as twinset writes it. Build the dataset again, or fetch it again."
            )


def _similarity(record: Any) -> float | None:
    values = [fake["similarity"] for fake in record["fakes"].values() if fake.get("retrieved") is not None]
    return max((float(value) for value in values), default=None)


def _shown(values: set[str]) -> tuple[str, ...]:
    return tuple(sorted(value for value in values if value)[:_CHOICES_SHOWN])
