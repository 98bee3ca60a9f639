"""Neighbours by Hamming distance among 64-bit perceptual hashes, one after the other, where they are not known beforehand.

Pigeonhole banding (as in Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling", 2007): two hashes at a
distance of at most r agree on at least one of r + 1 bands, so only those that share a band are compared.
"""

import itertools
from collections import defaultdict
from typing import Protocol

_BITS = 64


class Near(Protocol):
    """Images kept so far, and the first of them that looks like a new one."""

    def add(self, key: str, phash: int) -> None:
        """Keep a hash under a key."""

    def first(self, phash: int) -> str | None:
        """The key that was kept first of those within the radius; None where there is none."""


class NearDuplicates:
    """The hashes kept so far, and who lies within a radius of a new one.

    Args:
        radius: largest Hamming distance, in bits, at which two hashes are neighbours; 0 to 15.

    Raises:
        ValueError: the radius is outside 0 to 15.
    """

    def __init__(self, radius: int) -> None:
        if not 0 <= radius <= 15:
            raise ValueError(f"radius {radius}: expected 0 to 15 bits")
        self.radius = radius
        edges = [_BITS * band // (radius + 1) for band in range(radius + 2)]
        self._bands = [(low, (1 << (high - low)) - 1) for low, high in itertools.pairwise(edges)]
        self._tables: list[dict[int, list[int]]] = [defaultdict(list) for _ in self._bands]
        self._hashes: list[int] = []
        self._keys: list[str] = []

    def add(self, key: str, phash: int) -> None:
        """Keep a hash under a key."""
        position = len(self._keys)
        self._keys.append(key)
        self._hashes.append(phash)
        for (shift, mask), table in zip(self._bands, self._tables, strict=True):
            table[phash >> shift & mask].append(position)

    def neighbours(self, phash: int) -> list[str]:
        """Keys kept so far within the radius, in the order in which they were kept."""
        candidates = {
            position
            for (shift, mask), table in zip(self._bands, self._tables, strict=True)
            for position in table.get(phash >> shift & mask, ())
        }
        near = (position for position in candidates if (self._hashes[position] ^ phash).bit_count() <= self.radius)
        return [self._keys[position] for position in sorted(near)]

    def first(self, phash: int) -> str | None:
        """The key that was kept first of those within the radius; None where there is none."""
        return next(iter(self.neighbours(phash)), None)
