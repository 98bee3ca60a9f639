"""Folders whose names are the labels: `{real,fake}` and its like, and the layout of GenImage (arXiv 2306.08571)."""

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from audit.foreign.items import ForeignItem, check_both_classes, printable, read_image
from audit.foreign.labels import FAKE, REAL, label_of_class, split_of
from manifests.errors import DatasetError

_LOG = logging.getLogger(__name__)

EXTENSIONS = (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_WNID = re.compile(r"n\d{8}")
_GENIMAGE_WORDS = {"ai", "nature"}

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder of images, and what its path says about them."""

    parts: Parts
    label: int
    generator: str
    source: str
    split: str
    class_label: str


@dataclass(frozen=True, slots=True)
class LabelledFolders:
    """A `ForeignDataset` of files in labelled folders, in alphabetical order, folder by folder.

    Names that start with a dot are passed over. Links to folders are not followed, links to files only inside the
    folder.
    """

    root: Path
    layout: Literal["folder", "genimage"]
    count: int
    notes: tuple[str, ...]
    _places: tuple[_Place, ...]

    @classmethod
    def open(cls, root: Path, layout: str | None) -> Self | None:
        """Go through the folders and count the images. None where no folder is named after a label.

        Args:
            root: the folder that holds them all.
            layout: `folder`, `genimage`, or None to tell by the names.

        Raises:
            DatasetError: a folder cannot be read, one class is missing, or a named layout is not the one found.
        """
        numbers = {parts: len(_images(root, parts)) for parts in _folders(root, ())}
        numbers = {parts: number for parts, number in numbers.items() if number}
        at = {parts: index for parts, index in _label_positions(list(numbers)).items() if index is not None}
        if not at:
            return None
        genimage = all(_is_genimage(parts, index) for parts, index in at.items())
        if layout == "genimage" and not genimage:
            raise DatasetError(f"{root}: not GenImage's layout, <generator>/{{train,val}}/{{ai,nature}}/<images>")
        places = _genimage_places(root, at) if genimage and layout != "folder" else _folder_places(at)
        counts: Counter[int] = Counter()
        for place in places:
            counts[place.label] += numbers[place.parts]
        check_both_classes(counts, str(root))
        passed_over = sum(numbers.values()) - counts.total()
        note = f"{passed_over} images lie outside the folders that are named after a label: passed over"
        return cls(
            root=root,
            layout="genimage" if genimage and layout != "folder" else "folder",
            count=counts.total(),
            notes=(note,) if passed_over else (),
            _places=tuple(places),
        )

    def __iter__(self) -> Iterator[ForeignItem]:
        for place, name in self._listing():
            yield self._item(place, name)

    def pick(self, names: Collection[str]) -> Iterator[ForeignItem]:
        """The items of these names, in the order of a pass; the other files are not read."""
        for place, name in self._listing():
            if _item_name(place, name) in names:
                yield self._item(place, name)

    def _listing(self) -> Iterator[tuple[_Place, str]]:
        for place in self._places:
            for name in _images(self.root, place.parts):
                yield place, name

    def _item(self, place: _Place, name: str) -> ForeignItem:
        data, problem = read_image(self.root.joinpath(*place.parts, name))
        return ForeignItem(
            name=_item_name(place, name),
            data=data,
            label=place.label,
            generator=printable(place.generator),
            source=printable(place.source),
            split=place.split,
            class_label=printable(place.class_label),
            problem=problem,
        )


def scan(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name, without those whose name starts with a dot.

    Raises:
        DatasetError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror}") from error


def is_own_file(root: Path, entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a regular file, or a link to one that does not lead out of `root`."""
    try:
        if not entry.is_file():
            return False
    except OSError:  # a link to itself
        return False
    return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root.resolve())


def _folders(root: Path, parts: Parts) -> Iterator[Parts]:
    """All folders from `root` down, as the names on the way; links are not followed."""
    yield parts
    for entry in scan(root.joinpath(*parts)):
        if entry.is_dir(follow_symlinks=False):
            yield from _folders(root, (*parts, entry.name))


def _images(root: Path, parts: Parts) -> list[str]:
    found = [entry for entry in scan(root.joinpath(*parts)) if entry.name.lower().endswith(EXTENSIONS)]
    kept = [entry.name for entry in found if is_own_file(root, entry)]
    links = sum(entry.is_symlink() for entry in found if entry.name not in kept)
    if links:
        _LOG.warning("%s: %d links lead out of the dataset and were not followed", root.joinpath(*parts), links)
    return kept


def _label_positions(folders: list[Parts]) -> dict[Parts, int | None]:
    """Where on the way to each folder the label stands.

    That is the first name with a sibling of the other label: a class `human` below `fake` is no label, and neither
    is one above `{real,fake}`. Without such siblings it is the first name that means a label.
    """
    siblings: dict[Parts, set[int]] = defaultdict(set)
    for parts in folders:
        for index, name in enumerate(parts):
            label = label_of_class(name)
            if label is not None:
                siblings[parts[:index]].add(label)
    positions: dict[Parts, int | None] = {}
    for parts in folders:
        named = [index for index, name in enumerate(parts) if label_of_class(name) is not None]
        paired = [index for index in named if len(siblings[parts[:index]]) == 2]
        positions[parts] = next(iter(paired + named), None)
    return positions


def _is_genimage(parts: Parts, index: int) -> bool:
    return parts[index].casefold() in _GENIMAGE_WORDS and index > 0 and bool(split_of(parts[index - 1]))


def _genimage_places(root: Path, at: dict[Parts, int]) -> list[_Place]:
    """`<generator>[/imagenet_...]/{train,val}/{ai,nature}[/<class>]`; without a generator's folder it is the root."""
    places = []
    for parts, index in at.items():
        label = _label(parts, index)
        above = [name for name in parts[: index - 1] if not name.casefold().startswith("imagenet")]
        is_imagenet = len(above) < index - 1 or root.name.casefold().startswith("imagenet")
        places.append(
            _Place(
                parts=parts,
                label=label,
                generator=(above[0] if above else root.resolve().name) if label == FAKE else "",
                source="imagenet" if is_imagenet and label == REAL else "",
                split=split_of(parts[index - 1]),
                class_label=_first(parts[index + 1 :]),
            )
        )
    return places


def _folder_places(at: dict[Parts, int]) -> list[_Place]:
    """`[<generator>/[<class>/]]{real,fake}[/<class>]`, or `real[/<source>[/<class>]]` and `fake[/<generator>[/<class>]]`.

    Sub-folders that both classes have are classes, and so are ImageNet's identifiers. A split may stand anywhere.
    """
    first_below: dict[int, set[str]] = {REAL: set(), FAKE: set()}
    for parts, index in at.items():
        first_below[_label(parts, index)].update(_below(parts, index)[:1])
    shared = first_below[REAL] & first_below[FAKE]
    return [_folder_place(parts, index, classes_below=bool(shared)) for parts, index in at.items()]


def _folder_place(parts: Parts, index: int, *, classes_below: bool) -> _Place:
    label = _label(parts, index)
    above, below = _without_splits(parts[:index]), _below(parts, index)
    origin, classes = _first(above), above[1:] + below
    if _WNID.fullmatch(origin):
        origin, classes = "", above + below
    elif not origin and below and not classes_below and not _WNID.fullmatch(below[0]):
        origin, classes = below[0], below[1:]
    return _Place(
        parts=parts,
        label=label,
        generator=origin if label == FAKE else "",
        source=origin if label == REAL and not above else "",  # a real beside a generator's fakes: no name of its own
        split=next((split_of(name) for name in parts if split_of(name)), ""),
        class_label=_first(classes),
    )


def _label(parts: Parts, index: int) -> int:
    return FAKE if label_of_class(parts[index]) == FAKE else REAL


def _below(parts: Parts, index: int) -> Parts:
    """The names below the label, without one that only says it again (`RealArt/RealArt`)."""
    return tuple(name for name in _without_splits(parts[index + 1 :]) if name != parts[index])


def _without_splits(parts: Parts) -> Parts:
    return tuple(name for name in parts if not split_of(name))


def _first(names: Parts) -> str:
    return names[0] if names else ""


def _item_name(place: _Place, name: str) -> str:
    return printable("/".join((*place.parts, name)))
