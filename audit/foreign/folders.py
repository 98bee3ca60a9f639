"""Folders whose names are the labels, as `manifests/labelled_folders.py` reads them."""

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from audit.foreign.items import ForeignItem, check_both_classes, read_image, storable
from manifests.errors import DatasetError, printable
from manifests.labelled_folders import LabelledFolder, Parts, find_labels, genimage_folders, is_genimage, plain_folders

_LOG = logging.getLogger(__name__)

EXTENSIONS = (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


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
    _places: tuple[LabelledFolder, ...]

    @classmethod
    def open(
        cls, root: Path, layout: str | None, given: Mapping[str, int], *, both_classes: bool = True
    ) -> Self | None:
        """Go through the folders and count the images. None where no folder is named after a label.

        Args:
            root: the folder that holds them all.
            layout: `folder`, `genimage`, or None to tell by the names.
            given: labels of folders' names, which go before what the names mean in general.
            both_classes: refuse what holds one class only.

        Raises:
            DatasetError: a folder cannot be read, one class is missing, a named layout is not the one found, or no folder
                has a name whose label is given.
        """
        numbers = {parts: len(_images(root, parts)) for parts in _folders(root, ())}
        numbers = {parts: number for parts, number in numbers.items() if number}
        at = find_labels(numbers, given)
        if not at:
            return None
        unknown = sorted(set(given) - {name for parts in numbers for name in parts})
        if unknown:
            raise DatasetError(f"{root}: no folder of images is called {unknown[0]!r} (label name); names are exact")
        genimage = is_genimage(at)
        if layout == "genimage" and not genimage:
            raise DatasetError(f"{root}: not GenImage's layout, <generator>/{{train,val}}/{{ai,nature}}/<images>")
        as_genimage = genimage and layout != "folder"
        places = genimage_folders(at, root.resolve().name) if as_genimage else plain_folders(at)
        counts: Counter[int] = Counter()
        for place in places:
            counts[place.label] += numbers[place.parts]
        if both_classes:
            check_both_classes(counts, str(root))
        passed_over = sum(numbers.values()) - counts.total()
        note = f"{passed_over} images lie outside the folders that are named after a label: passed over"
        return cls(
            root=root,
            layout="genimage" if as_genimage else "folder",
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

    def _listing(self) -> Iterator[tuple[LabelledFolder, str]]:
        for place in self._places:
            for name in _images(self.root, place.parts):
                yield place, name

    def _item(self, place: LabelledFolder, name: str) -> ForeignItem:
        data, problem = read_image(self.root.joinpath(*place.parts, name))
        return ForeignItem(
            name=_item_name(place, name),
            data=data,
            label=place.label,
            generator=storable(place.generator),
            source=storable(place.source),
            split=place.split,
            class_label=storable(place.class_label),
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
        _LOG.warning(
            "%s: %d links lead out of the dataset and were not followed", printable(str(root.joinpath(*parts))), links
        )
    return kept


def _item_name(place: LabelledFolder, name: str) -> str:
    return storable("/".join((*place.parts, name)))
