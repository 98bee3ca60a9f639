"""Which pair is given which fake: the likest go together first, and no fake is given away too often."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generation.retrieve_neighbours import Neighbours, ranked

_FIRST = 32
"""Neighbours that are looked up of each caption; more where those are used up."""


@dataclass(frozen=True)
class Match:
    """What a pair is given.

    Attributes:
        prompt: place of the prompt among all; None where the pair is given nothing.
        use: how many pairs were given the prompt before.
        similarity: of caption and prompt; where nothing is given, of the caption's nearest prompt.
    """

    prompt: int | None
    use: int
    similarity: float


def match(
    pairs: Sequence[tuple[str, int]],
    captions: NDArray[np.float32],
    neighbours: Neighbours,
    supply: Sequence[int],
    min_similarity: float,
) -> dict[str, Match]:
    """Match captions with prompts, greedily in descending order of their similarity; ties by pair id, then by prompt.

    The result is that of going through all captions and prompts in that order (as far as the neighbours are exact):
    further neighbours of a caption are looked up when those that are known are used up.

    Args:
        pairs: pair id, and the row of its caption.
        captions: a unit vector a caption, shape (captions, dimensions).
        neighbours: finds prompts.
        supply: how often each prompt may be given.
        min_similarity: nothing less alike is given.

    Returns:
        By pair id: what each pair is given, or that it is given nothing.
    """
    first = neighbours.nearest(captions, _FIRST)
    lists = [_Caption(captions[row], first[row], neighbours) for row in range(len(captions))]
    waiting = [(-lists[row].best, pair_id, row) for pair_id, row in pairs]
    heapq.heapify(waiting)
    uses: Counter[int] = Counter()
    left = sum(supply)
    matches: dict[str, Match] = {}
    while waiting:
        known, pair_id, row = heapq.heappop(waiting)
        caption = lists[row]
        found = caption.free(uses, supply, min_similarity) if left else None
        if found is None:
            matches[pair_id] = Match(None, 0, caption.best)
        elif -found[0] > known:
            # what was nearest when the pair began to wait is used up since; others may come first now
            heapq.heappush(waiting, (-found[0], pair_id, row))
        else:
            similarity, prompt = found
            matches[pair_id] = Match(prompt, uses[prompt], similarity)
            uses[prompt] += 1
            left -= 1
    return matches


class _Caption:
    """The prompts nearest to one caption, as far as they were looked up."""

    def __init__(self, vector: NDArray[np.float32], places: NDArray[np.int64], neighbours: Neighbours) -> None:
        self._vector = vector
        self._neighbours = neighbours
        self._list = ranked(neighbours, vector, places)
        self._passed = 0
        self.best = self._list[0][0]

    def free(self, uses: Counter[int], supply: Sequence[int], min_similarity: float) -> tuple[float, int] | None:
        """Similarity and place of the nearest prompt that may still be given; None where there is none alike enough."""
        while True:
            while self._passed < len(self._list):
                similarity, prompt = self._list[self._passed]
                if similarity < min_similarity:
                    return None
                if uses[prompt] < supply[prompt]:
                    return similarity, prompt
                self._passed += 1
            if len(self._list) == len(self._neighbours.vectors):
                return None
            self._look_further()

    def _look_further(self) -> None:
        more = self._neighbours.nearest(self._vector[None], 2 * len(self._list))[0]
        self._list = ranked(self._neighbours, self._vector, [*more, *(prompt for _, prompt in self._list)])
        self._passed = 0
