"""Which of many perceptual hashes lie near to each other, found for all of them at once: what the stages of a build ask.

Hashes are cut into blocks of bits. Two at a distance of at most r agree on all but r blocks, so for every choice of the
other blocks those hashes are sorted side by side that agree there, and only they are compared (Manku, Jain and Das Sarma,
"Detecting near-duplicates for web crawling", 2007). The more hashes, the more blocks must agree: groups stay small, and the
time a hash grows with the number of choices alone.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_BITS = 64
_ROWS = 1 << 16
"""Hashes whose neighbours are looked for at a time: what the processor's own memory holds."""
_SORTING, _COMPARING = 20.0, 8.0
"""Nanoseconds to sort a hash into its group, and to compare it with another one: they decide how many blocks agree."""
_RADIX_BITS = 16
"""Widest keys that numpy sorts without comparing them; wider ones take about five times as long."""


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
        for low, high in zip(*(known[side].tolist() for side in near_pairs(known, radius)), strict=True):
            self._others.setdefault(low, []).append(high)
            self._others.setdefault(high, []).append(low)

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


def near_pairs(hashes: Hashes, radius: int) -> tuple[Indices, Indices]:
    """Indices of all pairs of hashes within a radius, the smaller one first; each pair once.

    Args:
        hashes: different from each other.
        radius: 0 to 15.
    """
    if radius == 0 or len(hashes) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    agreeing = _agreeing(len(hashes), radius)
    edges = [_BITS * block // (radius + agreeing) for block in range(radius + agreeing + 1)]
    blocks = list(itertools.pairwise(edges))
    found = [_coded(hashes, chosen, radius) for chosen in itertools.combinations(blocks, agreeing)]
    pairs = np.unique(np.concatenate(found))
    return pairs // len(hashes), pairs % len(hashes)


def _agreeing(count: int, radius: int) -> int:
    """How many blocks should agree so that the least work is done."""

    def work(agreeing: int) -> float:
        bits = _BITS * agreeing / (radius + agreeing)
        sorting = _SORTING if bits <= _RADIX_BITS else 5 * _SORTING
        return math.comb(radius + agreeing, agreeing) * (sorting + _COMPARING * count / 2 ** (bits + 1))

    return min(range(1, 5), key=work)


def _coded(hashes: Hashes, chosen: tuple[tuple[int, int], ...], radius: int) -> Indices:
    """The pairs that agree in the chosen blocks and lie within the radius, each as one number."""
    keys = np.zeros(len(hashes), np.uint64)
    width = 0
    for low, high in chosen:
        keys |= (hashes >> np.uint64(low) & np.uint64((1 << (high - low)) - 1)) << np.uint64(width)
        width += high - low
    order = np.argsort(_narrow(keys, width), kind="stable")
    keys, sorted_hashes = keys[order], hashes[order]
    last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    ends = np.repeat(last, np.diff(last, prepend=-1))
    pairs = [
        np.column_stack((order[left], order[right])) for left, right in _within_groups(sorted_hashes, ends, radius)
    ]
    found = np.concatenate([np.empty((0, 2), np.int64), *pairs])
    return np.asarray(found.min(axis=1) * len(hashes) + found.max(axis=1), np.int64)


def _narrow(keys: Hashes, width: int) -> NDArray[np.unsignedinteger[Any]]:
    if width <= _RADIX_BITS:
        return keys.astype(np.uint16)
    return keys.astype(np.uint32) if width <= 32 else keys


def _within_groups(hashes: Hashes, ends: Indices, radius: int) -> Iterator[tuple[Indices, Indices]]:
    """Pairs of places within the radius, of hashes that stand in one group.

    Args:
        hashes: sorted by group.
        ends: of each, the place of the last one in its group.
        radius: 0 to 15.
    """
    for start in range(0, len(hashes), _ROWS):
        left = np.arange(start, min(start + _ROWS, len(hashes)))
        for step in itertools.count(1):
            left = left[left + step <= ends[left]]
            if not len(left):
                break
            near = left[np.bitwise_count(hashes[left] ^ hashes[left + step]) <= radius]
            if len(near):
                yield near, near + step
