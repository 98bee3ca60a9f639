"""Parquet files as the Hub publishes them: the images' bytes in one column, the labels in another."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audit.foreign.columns import add_value, details, find_column, find_details, require_label_column
from audit.foreign.items import MAX_BYTES, ForeignItem, check_both_classes, storable, too_large
from audit.foreign.labels import Labels, read_labels
from manifests.errors import DatasetError
from manifests.labels import split_of

SUFFIX = ".parquet"
_IMAGE_COLUMNS = ("image", "image_data", "img", "jpg", "png")
_ROWS_AT_ONCE = 8  # images in memory
_LABELS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class _File:
    """One file, and which of its columns says what.

    Attributes:
        path: where it is.
        name: its path inside the dataset.
        image: the column of images.
        in_struct: whether the image's bytes are the field `bytes` of that column.
        label: the column of labels.
        details: column of each further field.
        names: the names of a column's classes, where it holds their numbers.
    """

    path: Path
    name: str
    image: str
    in_struct: bool
    label: str
    details: dict[str, str]
    names: dict[str, list[str]]

    def text(self, column: str, value: Any) -> str:
        """A cell as text: the class's name for its number, an empty text for null."""
        names = self.names.get(column)
        if names is not None and isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        return _text(value)


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """A `ForeignDataset` of the rows of Parquet files, file by file in alphabetical order.

    A path that stands beside an image's bytes is never followed.
    """

    count: int
    notes: tuple[str, ...]
    _files: tuple[_File, ...]
    _labels: Labels
    layout: str = "parquet"

    @classmethod
    def open(
        cls,
        files: Sequence[tuple[Path, str]],
        place: str,
        label_column: str,
        given: Mapping[str, int],
        *,
        both_classes: bool = True,
    ) -> Self:
        """Read the columns' names and all labels; no image yet.

        Args:
            files: each file, and its path inside the dataset.
            place: the dataset, for errors.
            label_column: the column that tells reals from fakes.
            given: labels of names, see `read_labels`.
            both_classes: refuse what holds one class only.

        Raises:
            DatasetError: a file cannot be read or lacks a column, a label is missing or means neither real nor fake,
                or there is one class only.
        """
        opened = tuple(_describe(path, name, label_column) for path, name in files)
        values: dict[str, int] = {}
        for file in opened:
            _count_labels(file, values)
        labels = read_labels(values, column=opened[0].label, place=place, given=given)
        counts: Counter[int] = Counter()
        for value, number in values.items():
            counts[labels.meanings[value]] += number
        if both_classes:
            check_both_classes(counts, place)
        return cls(counts.total(), (labels.note,) if labels.note else (), opened, labels)

    def __iter__(self) -> Iterator[ForeignItem]:
        for file in self._files:
            yield from self._rows(file, None)

    def pick(self, names: Collection[str]) -> Iterator[ForeignItem]:
        """The items of these names, in the order of a pass; row groups without any of them are not read."""
        for file in self._files:
            wanted = {number for name in names if (number := _row_number(file, name)) is not None}
            if wanted:
                yield from self._rows(file, wanted)

    def _rows(self, file: _File, wanted: set[int] | None) -> Iterator[ForeignItem]:
        """The rows of a file, or the wanted ones; numbers count from 0."""
        images = f"{file.image}.bytes" if file.in_struct else file.image
        columns = list(dict.fromkeys([images, file.label, *file.details.values()]))
        with _reading(file.path) as parquet:
            first = 0
            for group in range(parquet.num_row_groups):
                after = first + parquet.metadata.row_group(group).num_rows
                if wanted is None or any(first <= number < after for number in wanted):
                    batches = parquet.iter_batches(
                        _ROWS_AT_ONCE, row_groups=[group], columns=columns, use_threads=False
                    )
                    rows = (row for batch in batches for row in batch.to_pylist())
                    for number, row in enumerate(rows, start=first):
                        if wanted is None or number in wanted:
                            yield self._item(file, number, row)
                first = after

    def _item(self, file: _File, number: int, row: Mapping[str, Any]) -> ForeignItem:
        data, problem = _image(row[file.image], in_struct=file.in_struct)
        label_name = file.text(file.label, row[file.label])
        label = self._labels.meanings[label_name]
        cells = {field: file.text(column, row[column]) for field, column in file.details.items()}
        cells["split"] = cells.get("split") or _split_of_file(file.name)
        return ForeignItem(
            name=f"{file.name}:{number}",
            data=data,
            label=label,
            problem=problem,
            **details(cells, label, label_name),
        )


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """An opened `pyarrow.parquet.ParquetFile`.

    Raises:
        DatasetError: the file cannot be read, or is not Parquet or damaged.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as parquet:
            yield parquet
    except (OSError, pa.ArrowException) as error:
        first_line = (str(error).splitlines() or [""])[0]
        raise DatasetError(f"{path}: cannot be read as Parquet: {first_line}; fetch it again") from error


def _describe(path: Path, name: str, label_column: str) -> _File:
    with _reading(path) as parquet:
        schema = parquet.schema_arrow
    features = _features(schema, path)
    label = require_label_column(schema.names, label_column, str(path))
    image = _image_column(schema, features, path)
    return _File(
        path=path,
        name=storable(name),
        image=image,
        in_struct=pa.types.is_struct(schema.field(image).type),
        label=label,
        details=find_details(schema.names, {image, label}),
        names=_class_names(features),
    )


def _features(schema: Any, path: Path) -> dict[str, Any]:
    """What the `datasets` library says of each column, in the schema's metadata; empty where it wrote nothing."""
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None:
        return {}
    try:
        features = json.loads(text)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(f"{path}: the schema's `huggingface` metadata has no info.features; remove it") from error
    return features if isinstance(features, dict) else {}


def _class_names(features: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        column: [str(name) for name in feature["names"]]
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def _image_column(schema: Any, features: Mapping[str, Any], path: Path) -> str:
    """The column of images: the one that is declared as such, else the one that holds bytes."""
    holding = [field.name for field in schema if _holds_bytes(field.type)]
    declared = [
        name for name in holding if isinstance(features.get(name), dict) and features[name].get("_type") == "Image"
    ]
    columns = declared or holding
    if len(columns) == 1:
        return str(columns[0])
    usual = find_column(columns, _IMAGE_COLUMNS)
    if usual is not None:
        return usual
    found = f"several columns of bytes ({', '.join(columns)})" if columns else "no column of bytes"
    raise DatasetError(f"{path}: {found} among {', '.join(schema.names)}; one column of images is expected, `image`")


def _holds_bytes(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _holds_bytes(kind.field(index).type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _count_labels(file: _File, values: dict[str, int]) -> None:
    place = f"{file.path}: column {file.label!r}"
    first = 0
    with _reading(file.path) as parquet:
        for batch in parquet.iter_batches(_LABELS_AT_ONCE, columns=[file.label], use_threads=False):
            column = batch.column(0)
            for counted in pc.value_counts(column).to_pylist():
                value = counted["values"]
                if isinstance(value, list | dict | bytes):
                    raise DatasetError(f"{place}: holds {column.type}; text, numbers or true and false are expected")
                name = file.text(file.label, value)
                if not name:
                    row = first + next(i for i, cell in enumerate(column.to_pylist()) if not _text(cell))
                    raise DatasetError(f"{place}, row {row}: there is no label")
                add_value(values, name, counted["counts"], place)
            first += len(column)


def _image(cell: Any, *, in_struct: bool) -> tuple[bytes, str]:
    data = cell.get("bytes") if in_struct and cell is not None else cell
    if not data:
        return b"", "the row has no bytes; a path that it may name is not followed"
    return (data, "") if len(data) <= MAX_BYTES else (b"", too_large(len(data)))


def _row_number(file: _File, name: str) -> int | None:
    path, colon, number = name.rpartition(":")
    return int(number) if colon and path == file.name and number.isdecimal() else None


def _split_of_file(name: str) -> str:
    """The split that a file's name begins with (`data/train-00000-of-00002.parquet`), or its nearest folder's."""
    *folders, file = name.split("/")
    beginning = re.match(r"[A-Za-z]*", file)
    words = [beginning[0] if beginning else "", *reversed(folders)]
    return next((split_of(word) for word in words if split_of(word)), "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
