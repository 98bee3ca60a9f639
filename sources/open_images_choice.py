"""Which images of Open Images are wanted: those of an image list, and those that bear a class.

All files are read as streams; memory is that of the wanted images' ids.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

from manifests.errors import SourceError, printable
from sources.files import open_file, read_lines
from sources.messages import one_line
from sources.tables.text_tables import read_text

Flag = Literal["occluded", "truncated", "group_of", "depiction", "inside"]

_FLAGS: Mapping[Flag, str] = {
    "occluded": "IsOccluded",
    "truncated": "IsTruncated",
    "group_of": "IsGroupOf",
    "depiction": "IsDepiction",
    "inside": "IsInside",
}
_ENTRY = re.compile(r"(train|validation|test|challenge2018)/([0-9a-f]{16})", re.ASCII)
_LABEL = re.compile(r"/[a-z]/\w+", re.ASCII)  # /m/011k07
_DESCRIPTION = ("LabelName", "DisplayName")


def read_ids(path: str) -> set[str]:
    """The ids of an image list: lines of `<split>/<id>`, as Open Images' own downloader takes them.

    Raises:
        SourceError: there is no such file, or a line of it is another one.
    """
    ids = set()
    for number, line in read_text(path):
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            raise SourceError(
                f"{path}: line {number}: {printable(line[:60])!r} stands where <split>/<id> is expected, "
                "as train/4fa8054781a4c382"
            )
        ids.add(entry[2])
    return ids


def find_labels(classes: Sequence[str], descriptions: str) -> dict[str, int]:
    """From LabelName to the position of its class in the recipe.

    Args:
        classes: LabelNames (`/m/01yrx`) or DisplayNames (`Cat`, in any case).
        descriptions: the class-descriptions file, with or without a header; empty when classes need none.

    Raises:
        SourceError: a class is not in the file, or its name is that of several; or the file is another one.
    """
    names: dict[str, str] = {}
    if descriptions:
        names = {label: display for label, display in _rows(descriptions, _DESCRIPTION, named=False)}  # noqa: C416
    labels: dict[str, int] = {}
    by_display: defaultdict[str, list[str]] = defaultdict(list)
    for label, display in names.items():
        by_display[display.lower()].append(label)
    for position, name in enumerate(classes):
        found = [name] if _LABEL.fullmatch(name) and (not names or name in names) else by_display[name.lower()]
        if not found:
            raise SourceError(
                f"{descriptions or 'open-images'}: no class {name!r}; {_instead(name, names, descriptions)}"
            )
        if len(found) > 1:
            raise SourceError(f"{descriptions}: class {name!r} stands for {', '.join(found)}; name one of these")
        labels.setdefault(found[0], position)
    return labels


def read_image_labels(
    path: str, labels: Mapping[str, int], ids: Container[str] | None, min_confidence: float
) -> Iterator[tuple[str, int]]:
    """Image id and class of the image-level labels that are wanted.

    Args:
        path: a file of image labels: ImageID, Source, LabelName, Confidence.
        labels: the wanted classes by LabelName.
        ids: the wanted images; None for all.
        min_confidence: 1 takes what people have confirmed; 0 is what they have denied, and what lies between is a machine's.

    Raises:
        SourceError: there is no such file, or it is another one.
    """
    for image, label, confidence in _rows(path, ("ImageID", "LabelName", "Confidence")):
        if label in labels and (ids is None or image in ids) and _number(confidence, path) >= min_confidence:
            yield image, labels[label]


def read_boxes(
    path: str, labels: Mapping[str, int], ids: Container[str] | None, without: Collection[Flag]
) -> Iterator[tuple[str, int]]:
    """Image id and class of the boxes that are wanted.

    Args:
        path: a file of boxes: ImageID, LabelName, IsOccluded, …
        labels: the wanted classes by LabelName.
        ids: the wanted images; None for all.
        without: boxes with one of these flags are passed over.

    Raises:
        SourceError: there is no such file, or it is another one.
    """
    flags = [_FLAGS[flag] for flag in without]
    for image, label, *values in _rows(path, ("ImageID", "LabelName", *flags)):
        if label in labels and (ids is None or image in ids) and "1" not in values:
            yield image, labels[label]


def _rows(path: str, columns: Sequence[str], *, named: bool = True) -> Iterator[Sequence[str]]:
    """Some columns of a CSV; one that is not `named` may lack its header line, and has these columns alone."""
    with open_file(path, compression="infer") as stream:
        lines = csv.reader(read_lines(stream, path))
        try:
            header = next(lines, [])
            if not named and header != list(columns):
                if len(header) != len(columns):
                    raise SourceError(f"{path}: line 1: {len(header)} columns, {', '.join(columns)} are expected")
                yield header
                header = list(columns)
            missing = [column for column in columns if column not in header]
            if missing:
                there = ", ".join(printable(name[:30]) for name in header[:20])
                raise SourceError(f"{path}: line 1: no column {missing[0]}; there are {there}")
            places = [header.index(column) for column in columns]
            for fields in filter(None, lines):  # a blank line has no fields
                if len(fields) != len(header):
                    raise SourceError(
                        f"{path}: line {lines.line_num}: {len(fields)} columns, the header has {len(header)}"
                    )
                yield [fields[place] for place in places]
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: after line {lines.line_num}: not a CSV in UTF-8 ({one_line(error)})") from error


def _number(text: str, path: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SourceError(f"{path}: Confidence: {printable(text[:30])!r} is not a number") from error


def _instead(name: str, names: Mapping[str, str], descriptions: str) -> str:
    """What to do about a class that is not known."""
    if not descriptions:
        return "give class_descriptions, the file that says which LabelName that is, or the LabelName itself (/m/…)"
    close = get_close_matches(name, names.values(), n=5)
    return f"names that are alike: {', '.join(map(printable, close))}" if close else "no name in it is alike"
