"""Match quality: how alike the members of a pair are, beside members of different pairs.

True pairs are compared with pairs put together at random inside a view. Where the two distributions lie apart, the
fakes show what their reals (or captions) show; where they do not, the pairs are pairs in name only. R@1 is the share
of queries whose true partner is more alike than all others; with more pairs to choose from it is harder to be first.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit.embedding import Embedder, Vectors
from audit.evidence import REAL
from audit.report import Match, MatchKind
from audit.second_look import Look
from manifests.seeds import seed as seed_of
from pixels.arrays import Pixels

BINS = 24
FEWEST_PAIRS = 10

_AT_ONCE = 64
_ROWS = 512

Part = tuple[MatchKind, str, str]


@dataclass(frozen=True)
class _Item:
    members: Mapping[str, Pixels]
    caption: str
    view: str


@dataclass
class _Vectors:
    """Rows that belong together, of one kind, generator and view."""

    queries: list[NDArray[np.float32]] = field(default_factory=list)
    partners: list[NDArray[np.float32]] = field(default_factory=list)


class MatchCollector:
    """Takes pairs (or single images with captions) one by one and keeps their vectors, never their pixels.

    Args:
        embedder: what gives the vectors.
        seed: of the mismatched pairs.
    """

    def __init__(self, embedder: Embedder, seed: int) -> None:
        self._embedder = embedder
        self._seed = seed
        self._waiting: list[_Item] = []
        self._parts: dict[Part, _Vectors] = defaultdict(_Vectors)

    def add(self, members: Mapping[str, Pixels], caption: str, *, view: str = "") -> None:
        """Take the images of one pair by name (`real`, and each generator), or one image alone.

        Args:
            members: images of shape (height, width, 3), uint8 sRGB.
            caption: the text that they share; without one they are compared with one another only.
            view: pairs are compared inside a view.
        """
        self._waiting.append(_Item(members, caption, view))
        if len(self._waiting) >= _AT_ONCE:
            self._embed()

    def take(self, look: Look) -> None:
        """Take the images of one pair of a dataset."""
        self.add(look.members, look.caption, view=look.view)

    def matches(self) -> tuple[Match, ...]:
        """What was measured, by kind, generator and view; parts of fewer than `FEWEST_PAIRS` pairs are left out."""
        self._embed()
        return tuple(
            compared(
                part,
                np.array(vectors.queries),
                np.array(vectors.partners),
                embedder=self._embedder.name,
                seed=self._seed,
            )
            for part, vectors in sorted(self._parts.items())
            if len(vectors.queries) >= FEWEST_PAIRS
        )

    def _embed(self) -> None:
        items, self._waiting = self._waiting, []
        if not items:
            return
        images = iter(self._embedder.images([image for item in items for image in item.members.values()]))
        captions = self._embedder.texts([item.caption for item in items])
        for index, item in enumerate(items):
            vectors = {name: next(images) for name in item.members}
            caption = captions[index] if captions is not None and item.caption else None
            for (kind, generator), query, partner in _comparisons(vectors, caption):
                part = self._parts[kind, generator, item.view]
                part.queries.append(query)
                part.partners.append(partner)


def compared(part: Part, queries: Vectors, partners: Vectors, *, embedder: str, seed: int) -> Match:
    """True pairs beside pairs put together at random.

    Args:
        part: kind, generator and view.
        queries: a vector of unit length a pair, shape (pairs, dimensions).
        partners: that of the other member, the same shape and order.
        embedder: what gave the vectors.
        seed: of the mismatched pairs.
    """
    kind, generator, view = part
    others = partners[_derangement(len(partners), seed_of("match", seed, *part))]
    matched = np.einsum("nd,nd->n", queries, partners)
    mismatched = np.einsum("nd,nd->n", queries, others)
    edges = np.histogram_bin_edges(np.concatenate([matched, mismatched]).astype(np.float64), bins=BINS)
    return Match(
        kind=kind,
        generator=generator,
        view=view,
        embedder=embedder,
        pairs=len(queries),
        edges=tuple(edges.tolist()),
        matched=_shares(matched, edges),
        mismatched=_shares(mismatched, edges),
        matched_mean=float(matched.mean()),
        mismatched_mean=float(mismatched.mean()),
        recall_at_1=_recall_at_1(queries, partners),
    )


def _comparisons(
    vectors: Mapping[str, NDArray[np.float32]], caption: NDArray[np.float32] | None
) -> Iterator[tuple[tuple[MatchKind, str], NDArray[np.float32], NDArray[np.float32]]]:
    """What is compared in one pair: (kind, generator), the query, its true partner."""
    for name, vector in vectors.items():
        if name != REAL and REAL in vectors:
            yield ("image-image", name), vectors[REAL], vector
        if caption is not None:
            yield ("text-real", "") if name == REAL else ("text-fake", name), caption, vector


def _derangement(count: int, seed: int) -> NDArray[np.intp]:
    """For each of `count` places another one: the next on a tour of all in random order."""
    tour = np.random.default_rng(seed).permutation(count)
    partner = np.empty(count, dtype=np.intp)
    partner[tour] = np.roll(tour, -1)
    return partner


def _recall_at_1(queries: Vectors, partners: Vectors) -> float:
    """Share of queries whose own partner is the most alike; `n` that are equally alike count 1/n."""
    found = 0.0
    for start in range(0, len(queries), _ROWS):
        similarity = queries[start : start + _ROWS] @ partners.T
        own = similarity[np.arange(len(similarity)), np.arange(start, start + len(similarity))][:, None]
        # a product's low bits depend on its place in the matrix, and equal vectors must not win over one another
        equal = np.abs(similarity - own) <= 1e-6
        best = ~((similarity > own) & ~equal).any(axis=1)
        found += float((best / equal.sum(axis=1)).sum())
    return found / len(queries)


def _shares(values: NDArray[np.float32], edges: NDArray[np.float64]) -> tuple[float, ...]:
    counts, _ = np.histogram(values.astype(np.float64), bins=edges)
    return tuple((counts / len(values)).tolist())
