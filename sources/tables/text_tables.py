"""Tables as text: CSV and TSV with a header line, JSON Lines; compressed where the file's name says so."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Literal

from manifests.errors import SourceError, printable
from sources.files import open_file, read_lines
from sources.messages import one_line

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON = (".jsonl", ".ndjson")
_LONGEST = 2**24  # bytes of a line of JSON


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a table.

    Attributes:
        number: of the row, from 1; a header is none.
        place: file and line, for errors.
        cells: by column: text in CSV, anything in JSON.
    """

    number: int
    place: str
    cells: dict[str, Any]

    def text(self, column: str) -> str:
        """A cell's text without blanks round it.

        Raises:
            SourceError: the row has no such cell, or it holds no text that can be stored as UTF-8.
        """
        value = self.cells.get(column)
        if not isinstance(value, str):
            found = "nothing" if value is None else type(value).__name__
            raise SourceError(
                f"{self.place}, {column!r}: {found} stands where text is expected; "
                f"there are {', '.join(printable(str(name)) for name in self.cells)}"
            )
        check_utf8(value, f"{self.place}, {column!r}")
        return value.strip()


def is_table(url: str) -> bool:
    """Whether a file's name is that of a table."""
    return _kind(url) in (*_DELIMITERS, *_JSON)


def read_table(url: str, *, ending: str = "", header: Sequence[str] = (), quoted: bool = True) -> Iterator[TextRow]:
    """The rows of a table, as a stream.

    Args:
        url: path or fsspec URL, `.csv`, `.tsv` or `.jsonl`, and `.gz` or the like.
        ending: `.csv`, `.tsv` or `.jsonl` where the name does not say which.
        header: names of the columns of a CSV or TSV without a header line.
        quoted: whether a cell of a CSV or TSV may stand in quotes; if not, quotes are characters like all others.

    Raises:
        SourceError: there is no such file, or a line of it is broken.
    """
    kind = ending or _kind(url)
    with open_file(url, compression="infer") as stream:
        if kind in _DELIMITERS:
            yield from _csv(url, stream, _DELIMITERS[kind], header, quoted=quoted)
        else:
            yield from _json(url, stream)


def read_text(url: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1.

    Raises:
        SourceError: there is no such file, or it is not UTF-8.
    """
    with open_file(url, compression="infer") as stream:
        number = 0
        try:
            for number, line in enumerate(read_lines(stream, url), start=1):
                if line.strip():
                    yield number, line.strip()
        except UnicodeDecodeError as error:
            raise SourceError(f"{url}: after line {number}: not UTF-8 ({error.reason}); convert it") from error


def check_utf8(text: str, place: str) -> None:
    """Refuse text that cannot be stored: JSON can hold halves of characters.

    Raises:
        SourceError: the text is such.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(
            f"{place}: holds half of a character (\\u{ord(text[error.start]):04x}); correct it"
        ) from error


def _csv(url: str, stream: BinaryIO, delimiter: str, names: Sequence[str], *, quoted: bool) -> Iterator[TextRow]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = csv.reader(read_lines(stream, url), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        header = list(names) or next(lines, [])
        if len(set(header)) < len(header):
            raise SourceError(f"{url}: line 1: a column's name stands twice: {printable(', '.join(header))}")
        number, line = 0, lines.line_num + 1
        for fields in lines:
            if fields:
                place = f"{url}: line {line}"
                if len(fields) != len(header):
                    remedy = "quote the texts" if quoted else "take tabs and line breaks out of its texts"
                    raise SourceError(f"{place}: {len(fields)} columns, the header has {len(header)}; {remedy}")
                number += 1
                yield TextRow(number, place, dict(zip(header, fields, strict=True)))
            line = lines.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{url}: after line {lines.line_num}: not a CSV in UTF-8 ({one_line(error)})") from error


def _json(url: str, stream: BinaryIO) -> Iterator[TextRow]:
    number = 0
    for line, text in enumerate(iter(partial(stream.readline, _LONGEST), b""), start=1):
        if not text.strip():
            continue
        place = f"{url}: line {line}"
        if len(text) == _LONGEST:
            raise SourceError(f"{place}: longer than {_LONGEST} bytes; one object a line is expected")
        try:
            cells = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{place}: not JSON ({one_line(error)}); one object a line is expected") from error
        if not isinstance(cells, dict):
            raise SourceError(f"{place}: {type(cells).__name__}; one object a line is expected")
        number += 1
        yield TextRow(number, place, cells)


def _kind(url: str) -> str:
    name = url.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return "." + name.rpartition(".")[2]
