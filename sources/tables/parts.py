"""The files of a set that is published in parts: one file, a folder of them, or those that a pattern names."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from manifests.errors import SourceError
from sources.paths import FoundFile, find_files

_NUMBER = re.compile(r"^[^.]*?-(\d{5})(?=[-.])")  # part-00007-<uuid>-c000.snappy.parquet, train-00007-of-00128.parquet


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a set.

    Attributes:
        name: its base name.
        url: path or fsspec URL.
        number: the five digits of its name, as Spark and the Hub write them; None where there are none.
    """

    name: str
    url: str
    number: int | None


def find_parts(path: str, endings: Sequence[str]) -> list[Part]:
    """The files of a set in the order of their names.

    Args:
        path: a file, a folder, or a pattern: a path or fsspec URL.
        endings: of the files that are taken from a folder.

    Raises:
        SourceError: there is no such file.
    """
    return [_part(file) for file in find_files(path, endings)]


def numbered(parts: Sequence[Part], first: int, last: int, path: str) -> list[Part]:
    """The parts whose numbers lie in a range, both ends included.

    Args:
        parts: all parts.
        first: number of the first.
        last: number of the last.
        path: what the set is called in errors.

    Raises:
        SourceError: a part of the range is not there; the line says which are.
    """
    by_number = {part.number: part for part in parts if part.number is not None}
    if not by_number:
        raise SourceError(f"{path}: no file's name holds a part number (part-00000-…); leave parquet_parts out")
    missing = [number for number in range(first, last + 1) if number not in by_number]
    if missing:
        raise SourceError(
            f"{path}: parquet_parts asks for {first} to {last}, but {_ranges(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there; there are {_ranges(sorted(by_number))}"
        )
    return [by_number[number] for number in range(first, last + 1)]


def _part(file: FoundFile) -> Part:
    name = posixpath.basename(file.name)
    found = _NUMBER.match(name)
    return Part(name, file.url, int(found[1]) if found else None)


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as `00000 to 00003, 00007`; all after the fifth run as dots."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [f"{low:05d}" if low == high else f"{low:05d} to {high:05d}" for low, high in runs]
    return ", ".join(texts[:5] + ["…"] * (len(texts) > 5))
