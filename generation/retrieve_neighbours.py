"""The nearest of many unit vectors: by comparing with all of them, or by a graph where there are too many for that.

The graph is faiss's HNSW (arXiv 1603.09320): it is kept up, comes as a wheel, and gives the same answers each time when one
thread adds the vectors in a fixed order. (hnswlib has no wheels. The libraries of usearch's wheel are open to all of the
process, which then ends as soon as onnxruntime is loaded.)
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float16]
"""Of unit length, shape (vectors, dimensions). In half precision 900,000 of 384 dimensions take 0.7 GB."""

EXACT_UP_TO = 10**10
"""Comparisons up to which each query is compared with all vectors: some three minutes of one core at 384 dimensions.

A graph of 120,000 such vectors takes 50 s to build, in which 28,000 queries can be compared with all of them.
"""

DIGITS = 4
"""Decimals of a similarity: half precision gives no more, and what differs in later ones is as alike."""

_QUERIES = 256
_BLOCK = 16_384
_GRAPH = "HNSW16,SQfp16"
_EFFORT = {"efConstruction": 128, "efSearch": 256}
_MOST = 2048
"""Neighbours up to which the graph is asked."""


class Neighbours(Protocol):
    """Finds the nearest of some vectors."""

    @property
    def vectors(self) -> Vectors:
        """The vectors that are searched."""
        ...

    def nearest(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Which vectors have the largest inner products with each query, in no particular order.

        Args:
            queries: of unit length, shape (queries, dimensions).
            count: how many are wanted; all where there are fewer.

        Returns:
            Places of the vectors, shape (queries, count).
        """
        ...


def open_neighbours(vectors: Vectors, queries: int) -> Neighbours:
    """Whatever finds the neighbours of so many queries among so many vectors."""
    return Exact(vectors) if queries * len(vectors) <= EXACT_UP_TO else Approximate(vectors)


class Exact:
    """Compares with all vectors, in blocks: memory does not grow with their number."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    def nearest(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """See `Neighbours`."""
        count = min(count, len(self.vectors))
        found = [self._nearest(queries[rows], count) for rows in _slices(len(queries), _QUERIES)]
        return np.concatenate(found) if found else np.empty((0, count), np.int64)

    def _nearest(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        places = np.empty((len(queries), 0), np.int64)
        values = np.empty((len(queries), 0), np.float32)
        for rows in _slices(len(self.vectors), _BLOCK):
            block = queries @ self.vectors[rows].astype(np.float32).T
            there = np.broadcast_to(np.arange(rows.start, rows.start + block.shape[1]), block.shape)
            values, places = np.hstack([values, block]), np.hstack([places, there])
            if values.shape[1] > count:
                kept = np.argpartition(-values, count - 1, axis=1)[:, :count]
                values = np.take_along_axis(values, kept, axis=1)
                places = np.take_along_axis(places, kept, axis=1)
        return places


class Approximate:
    """Asks a graph of neighbours: misses a few, and looks at some thousand vectors a query."""

    def __init__(self, vectors: Vectors) -> None:
        faiss.omp_set_num_threads(1)
        self.vectors = vectors
        self._index = faiss.index_factory(vectors.shape[1], _GRAPH, faiss.METRIC_INNER_PRODUCT)
        for name, value in _EFFORT.items():
            faiss.ParameterSpace().set_index_parameter(self._index, name, value)
        for rows in _slices(len(vectors), _BLOCK):
            self._index.add(vectors[rows].astype(np.float32))

    def nearest(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """See `Neighbours`."""
        count = min(count, len(self.vectors))
        if count > _MOST:
            return Exact(self.vectors).nearest(queries, count)
        found: NDArray[np.int64] = self._index.search(queries, count)[1]
        if (lacking := (found < 0).any(axis=1)).any():  # the graph led to fewer
            found[lacking] = Exact(self.vectors).nearest(queries[lacking], count)
        return found


def ranked(
    neighbours: Neighbours, query: NDArray[np.float32], places: Sequence[int] | NDArray[np.int64]
) -> list[tuple[float, int]]:
    """Neighbours in descending order of their similarity, which is rounded; equal ones in the order of their places."""
    there = np.unique(places)
    products = neighbours.vectors[there].astype(np.float64) @ query.astype(np.float64)
    similarities = np.round(products, DIGITS)
    order = np.lexsort((there, -similarities))
    return list(zip(similarities[order].tolist(), there[order].tolist(), strict=True))


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
