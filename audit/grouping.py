"""Which images must stay together in folds and bootstrap: pairs; else near-duplicates, and classes where there are many."""

from collections.abc import Sequence

import numpy as np

from audit.report import Kind
from audit.seen import Seen
from manifests.near_duplicates import NearDuplicates

RADIUS = 4
"""Bits of the perceptual hash by which a saved-again image may differ."""

# grey levels by which the pictures of 8 x 8 may differ, the largest difference of all 192 values
_SMALL_DIFFERENCE = 10
# classes of unpaired images become groups where there are at least as many: fewer make no folds
_CLASSES = 50


def near_duplicates(images: Sequence[Seen]) -> list[tuple[int, int]]:
    """Pairs (earlier, later) of indices of images that show the same: near by hash, and alike at 8 x 8 in colour."""
    kept = NearDuplicates(RADIUS)
    found: list[tuple[int, int]] = []
    # of images that look the same, in one split, the first stands for all: else n of them are n² pairs
    looks: set[tuple[int, bytes, str]] = set()
    for index, image in enumerate(images):
        near = (int(key) for key in kept.neighbours(image.phash))
        found += [(earlier, index) for earlier in near if _alike(images[earlier], image)]
        look = image.phash, image.small.tobytes(), image.tag.split
        if look not in looks:
            looks.add(look)
            kept.add(str(index), image.phash)
    return found


def _alike(first: Seen, second: Seen) -> bool:
    difference = np.abs(first.small.astype(np.int16) - second.small.astype(np.int16))
    return int(difference.max()) <= _SMALL_DIFFERENCE


def group_names(images: Sequence[Seen], kind: Kind) -> dict[str, str]:
    """The group of each image, by the image's name.

    In a set of pairs the pair; else what near-duplicates join, and a class where all images have one and there are at
    least 50 of them.
    """
    if kind == "paired":
        return {image.tag.name: image.tag.pair for image in images}
    parents = list(range(len(images)))
    for first, second in near_duplicates(images):
        parents[_root(parents, second)] = _root(parents, first)
    classes: dict[str, int] = {}
    for index, image in enumerate(images):
        classes.setdefault(image.tag.class_label, index)
    if "" not in classes and len(classes) >= _CLASSES:
        for index, image in enumerate(images):
            parents[_root(parents, index)] = _root(parents, classes[image.tag.class_label])
    return {image.tag.name: str(_root(parents, index)) for index, image in enumerate(images)}


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
