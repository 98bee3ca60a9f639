"""Which of many perceptual hashes lie near to each other, found for all of them at once: what the stages of a build ask.

Hashes are cut into blocks of bits. Two at a distance of at most r agree on all but r blocks, so for every choice of the
other blocks those hashes are sorted side by side that agree there, and only they are compared (Manku, Jain and Das Sarma,
"Detecting near-duplicates for web crawling", 2007). The more hashes, the more blocks must agree: groups stay small, and the
time a hash grows with the number of choices alone.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_BITS = 64
_ROWS = 1 << 15
"""Hashes that are compared at a time: what the processor's own memory holds."""
_SORTING, _COMPARING = 20.0, 2.0
"""Nanoseconds to sort a hash into its group, and to compare it with another one: they decide how many blocks agree."""

_Block = tuple[int, int]
"""The lowest bit, and the one above the highest."""


class Neighbourhoods:
    """Which of some hashes lie within a radius of each other.

    Args:
        hashes: perceptual hashes of 64 bits, in any order; some may be the same.
        radius: largest Hamming distance, in bits, at which two hashes are neighbours; 0 to 15.

    Raises:
        ValueError: the radius is outside 0 to 15.
    """

    def __init__(self, hashes: Hashes, radius: int) -> None:
        if not 0 <= radius <= 15:
            raise ValueError(f"radius {radius}: expected 0 to 15 bits")
        known, times = np.unique(hashes, return_counts=True)
        self._others: dict[int, list[int]] = {phash: [] for phash in known[times > 1].tolist()}
        for low, high in zip(*(side.tolist() for side in near_pairs(known, radius)), strict=True):
            self._others.setdefault(low, []).append(high)
            self._others.setdefault(high, []).append(low)

    @property
    def known(self) -> Hashes:
        """The hashes that have a neighbour, or that something shares."""
        return np.fromiter(self._others, np.uint64, len(self._others))

    def others(self, phash: int) -> list[int] | None:
        """The other hashes near to one; None for one that has no neighbour, and that nothing shares."""
        return self._others.get(phash)


class FirstNear:
    """Of the images kept so far, the first that looks like a new one.

    Args:
        neighbourhoods: of all hashes that are going to be asked about.
    """

    def __init__(self, neighbourhoods: Neighbourhoods) -> None:
        self._neighbourhoods = neighbourhoods
        self._first: dict[int, tuple[int, str]] = {}

    def add(self, key: str, phash: int) -> None:
        """Keep a hash under a key; one that has no company is never found, and takes no memory."""
        if self._neighbourhoods.others(phash) is not None:
            self._first.setdefault(phash, (len(self._first), key))

    def first(self, phash: int) -> str | None:
        """The key that was kept first of those within the radius; None where there is none."""
        others = self._neighbourhoods.others(phash)
        if others is None:
            return None
        kept = [self._first[near] for near in (phash, *others) if near in self._first]
        return min(kept)[1] if kept else None


def near_pairs(hashes: Hashes, radius: int) -> tuple[Hashes, Hashes]:
    """All pairs of hashes within a radius, the smaller one first; each pair once.

    Args:
        hashes: different from each other.
        radius: 0 to 15.
    """
    if radius == 0 or len(hashes) < 2:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    agreeing = _agreeing(len(hashes), radius)
    edges = [_BITS * block // (radius + agreeing) for block in range(radius + agreeing + 1)]
    blocks = list(itertools.pairwise(edges))
    chosen = itertools.combinations(blocks, agreeing)
    found = np.concatenate([_agree(hashes, blocks, ahead, radius) for ahead in chosen])
    pairs = np.unique(found, axis=0)
    return pairs[:, 0], pairs[:, 1]


def _agreeing(count: int, radius: int) -> int:
    """How many blocks should agree so that the least work is done."""

    def work(agreeing: int) -> float:
        bits = _BITS * agreeing / (radius + agreeing)
        return math.comb(radius + agreeing, agreeing) * (_SORTING + _COMPARING * count / 2 ** (bits + 1))

    return min(range(1, 5), key=work)


def _agree(hashes: Hashes, blocks: Sequence[_Block], ahead: Sequence[_Block], radius: int) -> Hashes:
    """The pairs that agree in some blocks and lie within the radius: two columns, the smaller hash first.

    Hashes with these blocks as their highest bits are as far apart as before, and sorting puts those side by side that
    agree there. Whole hashes are sorted, not their places, so that memory is gone through from end to end.
    """
    order = [*ahead, *(block for block in blocks if block not in ahead)]
    moved = _moved(hashes, order)
    moved.sort()
    apart = np.uint64(1 << (_BITS - sum(high - low for low, high in ahead)))
    found = np.concatenate([np.empty((0, 2), np.uint64), *_side_by_side(moved, apart, radius)])
    pairs = _moved_back(found, order)
    pairs.sort(axis=1)
    return pairs


def _side_by_side(hashes: Hashes, apart: np.uint64, radius: int) -> Iterator[Hashes]:
    """Pairs of sorted hashes within the radius whose highest bits are the same: what they differ in is less than `apart`."""
    for start in range(0, len(hashes), _ROWS):
        left = hashes[start : start + _ROWS]
        for step in itertools.count(1):
            right = hashes[start + step : start + step + _ROWS]
            differing = left[: len(right)] ^ right
            together = differing < apart
            if not together.any():
                break
            near = np.flatnonzero(together & (np.bitwise_count(differing) <= radius))
            if len(near):
                yield np.column_stack((left[near], right[near]))


def _moved(hashes: Hashes, order: Sequence[_Block]) -> Hashes:
    """Hashes whose blocks stand in another order, the first one highest."""
    moved = np.zeros_like(hashes)
    for start in range(0, len(hashes), _ROWS):
        rows, end = slice(start, start + _ROWS), _BITS
        for low, high in order:
            end -= high - low
            moved[rows] |= _bits(hashes[rows], low, high - low) << np.uint64(end)
    return moved


def _moved_back(hashes: Hashes, order: Sequence[_Block]) -> Hashes:
    """What `_moved` was given."""
    back, end = np.zeros_like(hashes), _BITS
    for low, high in order:
        end -= high - low
        back |= _bits(hashes, end, high - low) << np.uint64(low)
    return back


def _bits(hashes: Hashes, low: int, width: int) -> Hashes:
    return hashes >> np.uint64(low) & np.uint64((1 << width) - 1)
