"""Folders whose names are the labels: `{real,fake}` and its like, and the layout of GenImage (arXiv 2306.08571).

Everything is told by the names alone; no folder is read here.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from manifests.labels import FAKE, REAL, label_of_class, split_of

Parts = tuple[str, ...]

_WNID = re.compile(r"n\d{8}")
_GENIMAGE_WORDS = {"ai", "nature"}
_IMAGENET = re.compile(r"imagenet_(ai_\d+_)?(?=.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """A folder of images, and what its path says about them; text that is not given is empty.

    Attributes:
        parts: the names on the way to it.
        label: 0 real, 1 fake.
        generator: what made the fakes.
        source: where reals were taken from.
        split: `train`, `validation` or `test`.
        class_label: what the images show.
    """

    parts: Parts
    label: int
    generator: str = ""
    source: str = ""
    split: str = ""
    class_label: str = ""


class NamedLabel(NamedTuple):
    """Where on the way to a folder the label stands, and which one it is."""

    depth: int
    label: int


def find_labels(folders: Collection[Parts], given: Mapping[str, int] | None = None) -> dict[Parts, NamedLabel]:
    """The label of each folder that is named after one, or lies in one that is.

    That is the first name with a sibling of the other label: a class `human` below `fake` is no label, and neither
    is one above `{real,fake}`. Without such siblings it is the first name that means a label.

    Args:
        folders: the names on the way to each folder that holds images.
        given: labels of names, which go before what the names mean in general.
    """
    meanings = given or {}
    siblings: dict[Parts, set[int]] = defaultdict(set)
    named: dict[Parts, list[NamedLabel]] = {}
    for parts in folders:
        named[parts] = []
        for index, name in enumerate(parts):
            label = meanings.get(name, label_of_class(name))
            if label is not None:
                siblings[parts[:index]].add(label)
                named[parts].append(NamedLabel(index, label))
    found: dict[Parts, NamedLabel] = {}
    for parts, labels in named.items():
        paired = [one for one in labels if len(siblings[parts[: one.depth]]) == 2]
        if labels:
            found[parts] = next(iter(paired + labels))
    return found


def is_genimage(at: Mapping[Parts, NamedLabel]) -> bool:
    """Whether all labels stand where GenImage has them: `{train,val}/{ai,nature}`."""
    return all(
        parts[index].casefold() in _GENIMAGE_WORDS and index > 0 and bool(split_of(parts[index - 1]))
        for parts, (index, _) in at.items()
    )


def genimage_folders(at: Mapping[Parts, NamedLabel], root: str) -> list[LabelledFolder]:
    """`<generator>[/imagenet_...]/{train,val}/{ai,nature}[/<class>]`.

    Without a generator's folder, it is the root; or, where that holds several `imagenet_...`, what their names end with.

    Args:
        at: as `find_labels` gives them; `is_genimage` holds.
        root: name of the folder that holds them all.
    """
    several = len({parts[0] for parts in at}) > 1
    places = []
    for parts, (index, label) in at.items():
        above = [name for name in parts[: index - 1] if not name.casefold().startswith("imagenet")]
        is_imagenet = len(above) < index - 1 or root.casefold().startswith("imagenet")
        own = _IMAGENET.sub("", parts[0] if several and index > 1 else root)
        places.append(
            LabelledFolder(
                parts=parts,
                label=label,
                generator=(above[-1] if above else own) if label == FAKE else "",
                source="imagenet" if is_imagenet and label == REAL else "",
                split=split_of(parts[index - 1]),
                class_label=_first(parts[index + 1 :]),
            )
        )
    return places


def plain_folders(at: Mapping[Parts, NamedLabel]) -> list[LabelledFolder]:
    """`[<generator>/[<class>/]]{real,fake}[/<class>]`, or `real[/<source>[/<class>]]` and `fake[/<generator>[/<class>]]`.

    Sub-folders that both classes have are classes, and so are ImageNet's identifiers. A split may stand anywhere.

    Args:
        at: as `find_labels` gives them.
    """
    first_below: dict[int, set[str]] = {REAL: set(), FAKE: set()}
    for parts, (index, label) in at.items():
        first_below[label].update(_below(parts, index)[:1])
    shared = first_below[REAL] & first_below[FAKE]
    return [_plain_folder(parts, *found, classes_below=bool(shared)) for parts, found in at.items()]


def _plain_folder(parts: Parts, index: int, label: int, *, classes_below: bool) -> LabelledFolder:
    above, below = _without_splits(parts[:index]), _below(parts, index)
    origin, classes = _first(above), above[1:] + below
    if _WNID.fullmatch(origin):
        origin, classes = "", above + below
    elif not origin and below and not classes_below and not _WNID.fullmatch(below[0]):
        origin, classes = below[0], below[1:]
    return LabelledFolder(
        parts=parts,
        label=label,
        generator=origin if label == FAKE else "",
        source=origin if label == REAL and not above else "",  # a real beside a generator's fakes: no name of its own
        split=next((split_of(name) for name in parts if split_of(name)), ""),
        class_label=_first(classes),
    )


def _below(parts: Parts, index: int) -> Parts:
    """The names below the label, without one that only says it again (`RealArt/RealArt`)."""
    return tuple(name for name in _without_splits(parts[index + 1 :]) if name != parts[index])


def _without_splits(parts: Parts) -> Parts:
    return tuple(name for name in parts if not split_of(name))


def _first(names: Parts) -> str:
    return names[0] if names else ""
