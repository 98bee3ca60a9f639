"""A CSV (or TSV) that lists images by path and label."""

import csv
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from audit.foreign.columns import PATH_COLUMNS, add_value, details, find_column, find_details, require_label_column
from audit.foreign.items import ForeignItem, check_both_classes, read_image, storable
from audit.foreign.labels import Labels, read_labels
from manifests.errors import DatasetError

SUFFIXES = (".csv", ".tsv")
_LONGEST_HEADER = 2**16
# characters of a path in an error
_SHOWN = 200


class _Lines(Protocol):
    """What `csv.reader` gives."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Columns:
    path: str
    label: str
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the list; its cells are as they stand there."""

    line: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """A cell without the blanks round it."""
        return self.cells[column].strip()


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """A `ForeignDataset` of the files that a CSV lists, in its own order.

    The first line names the columns. Paths are relative to the CSV's folder and stay inside it, also where they are
    links; a path that lies elsewhere is written out from the root of the file system.
    """

    file: Path
    count: int
    notes: tuple[str, ...]
    _columns: _Columns
    _labels: Labels
    layout: str = "csv"

    @classmethod
    def open(cls, file: Path, label_column: str, label_names: Mapping[str, int], *, both_classes: bool = True) -> Self:
        """Read the whole list: its labels are known words, and its files are there.

        Raises:
            DatasetError: the list is not such a CSV, names a file that is not there or not its own, has labels that
                mean neither real nor fake, or holds one class only where `both_classes` are needed.
        """
        columns = _find_columns(file, label_column)
        values: dict[str, int] = {}
        for row in _rows(file):
            _check_is_file(file, row, columns)
            label = row.text(columns.label)
            if not label:
                raise DatasetError(f"{file}: line {row.line}, column {columns.label!r}: there is no label")
            add_value(values, label, 1, f"{file}: column {columns.label!r}")
        labels = read_labels(values, column=columns.label, place=str(file), given=label_names)
        counts = {meant: sum(n for value, n in values.items() if labels.meanings[value] == meant) for meant in (0, 1)}
        if both_classes:
            check_both_classes(counts, str(file))
        return cls(
            file=file,
            count=sum(values.values()),
            notes=(labels.note,) if labels.note else (),
            _columns=columns,
            _labels=labels,
        )

    def __iter__(self) -> Iterator[ForeignItem]:
        for row in _rows(self.file):
            yield self._item(row)

    def pick(self, names: Collection[str]) -> Iterator[ForeignItem]:
        """The items of these names, in the order of a pass; the other files are not read."""
        for row in _rows(self.file):
            if storable(row.cells[self._columns.path]) in names:
                yield self._item(row)

    def _item(self, row: _Row) -> ForeignItem:
        data, problem = read_image(_path(self.file, row, self._columns))
        label_name = row.text(self._columns.label)
        label = self._labels.meanings[label_name]
        cells = {field: row.text(column) for field, column in self._columns.details.items()}
        return ForeignItem(
            name=storable(row.cells[self._columns.path]),
            data=data,
            label=label,
            problem=problem,
            **details(cells, label, label_name),
        )


def is_list(file: Path, label_column: str) -> bool:
    """Whether a CSV has a column of paths and the label column.

    Raises:
        DatasetError: the file cannot be read, or is no CSV.
    """
    names = _header(file)
    return find_column(names, PATH_COLUMNS) is not None and find_column(names, [label_column]) is not None


def _find_columns(file: Path, label_column: str) -> _Columns:
    names = _header(file)
    place = f"{file}: line 1"
    label = require_label_column(names, label_column, place)
    path = find_column([name for name in names if name != label], PATH_COLUMNS)
    if path is None:
        raise DatasetError(
            f"{place}: no column of paths among the columns {', '.join(names)}; one of {', '.join(PATH_COLUMNS)} is "
            "expected"
        )
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise DatasetError(f"{place}: column {repeated!r} stands there more than once; rename one of them")
    return _Columns(path=path, label=label, details=find_details(names, {path, label}))


def _header(file: Path) -> list[str]:
    with _reading(file) as lines:
        return next(lines, [])


def _rows(file: Path) -> Iterator[_Row]:
    """The rows below the header; empty lines are passed over.

    Raises:
        DatasetError: the file cannot be read, or a line is broken.
    """
    with _reading(file) as lines:
        names = next(lines, [])
        for fields in lines:
            if not fields:
                continue
            if len(fields) != len(names):
                raise DatasetError(
                    f"{file}: line {lines.line_num}: {len(fields)} columns, the header has {len(names)}; quote what "
                    "holds a separator"
                )
            yield _Row(lines.line_num, dict(zip(names, fields, strict=True)))


@contextmanager
def _reading(file: Path) -> Iterator[_Lines]:
    """The lines of a CSV in UTF-8, with or without a byte order mark.

    Raises:
        DatasetError: the file cannot be read, or is no CSV.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(file, stream.readline(_LONGEST_HEADER))
            stream.seek(0)
            yield csv.reader(stream, delimiter=delimiter, strict=True)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: not a CSV in UTF-8: {error}") from error


def _delimiter(file: Path, header: str) -> str:
    return "\t" if file.suffix.lower() == ".tsv" else max(",\t;", key=header.count)


def _path(file: Path, row: _Row, columns: _Columns) -> Path:
    """Where a row's image is. Blanks round a path are part of it.

    Raises:
        DatasetError: it is no path, or a relative one that leads out of the list's folder.
    """
    text = row.cells[columns.path]
    if not text.strip() or "\0" in text or "://" in text:
        raise DatasetError(f"{_place(file, row, columns)} is not the path of a local file; fetch the images first")
    path = Path(text)
    folder = file.resolve().parent
    try:
        inside = path.is_absolute() or (folder / path).resolve().is_relative_to(folder)
    except OSError as error:
        raise DatasetError(f"{_place(file, row, columns)} cannot be a file's path: {error.strerror}") from error
    if not inside:
        raise DatasetError(
            f"{_place(file, row, columns)} leads out of the list's folder; move the list above its images, or write "
            "absolute paths"
        )
    return folder / path


def _check_is_file(file: Path, row: _Row, columns: _Columns) -> None:
    path = _path(file, row, columns)
    try:
        found = path.is_file()
    except OSError as error:
        raise DatasetError(f"{_place(file, row, columns)} cannot be a file's path: {error.strerror}") from error
    if not found:
        text = row.cells[columns.path]
        hint = "the blanks round it count" if text != text.strip() else "paths are relative to the list's folder"
        raise DatasetError(f"{_place(file, row, columns)}: there is no such file; {hint}")


def _place(file: Path, row: _Row, columns: _Columns) -> str:
    """A row's path and where it stands, for errors; of a long path the beginning."""
    text = row.cells[columns.path]
    shown = repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"
    return f"{file}: line {row.line}, column {columns.path!r}: {shown}"
