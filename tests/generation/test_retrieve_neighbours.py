"""Neighbours: exact ones are those of a full comparison, approximate ones nearly so, and the same each time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.retrieve_neighbours import Approximate, Exact, Vectors, open_neighbours, ranked


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(count: int, dimensions: int = 16) -> Vectors:
    """Vectors as texts have them: many that say nearly the same."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(50, dimensions))
    return unit(centres[rng.integers(0, 50, count)] + 0.4 * rng.normal(size=(count, dimensions))).astype(np.float16)


def queries(count: int, dimensions: int = 16) -> NDArray[np.float32]:
    return unit(np.random.default_rng(2).normal(size=(count, dimensions)))


def sets(places: NDArray[np.int64]) -> list[set[int]]:
    return [set(row) for row in places.tolist()]


@pytest.mark.parametrize(("vectors", "wanted"), [(40_000, 9), (300, 32), (20, 32)])
def test_exact_neighbours_are_those_of_a_full_comparison(vectors: int, wanted: int):
    candidates, asked = clustered(vectors), queries(5)
    found = Exact(candidates).nearest(asked, wanted)
    products = asked @ candidates.astype(np.float32).T
    assert found.shape == (5, min(wanted, vectors))
    assert sets(found) == sets(np.argsort(-products, axis=1)[:, :wanted])


def test_a_graph_finds_nearly_all_and_always_the_same():
    candidates, asked = clustered(4000), queries(50)
    exact = Exact(candidates).nearest(asked, 10)
    first, second = (Approximate(candidates).nearest(asked, 10) for _ in range(2))
    assert (first == second).all()
    found = sum(len(a & b) for a, b in zip(sets(first), sets(exact), strict=True))
    assert found >= 0.98 * exact.size


def test_large_sets_go_through_a_graph(monkeypatch: pytest.MonkeyPatch):
    assert isinstance(open_neighbours(clustered(100), queries=100_000), Exact)
    monkeypatch.setattr("generation.retrieve_neighbours.EXACT_UP_TO", 10_000)
    assert isinstance(open_neighbours(clustered(100), queries=100), Exact)
    assert isinstance(open_neighbours(clustered(100), queries=101), Approximate)


def test_neighbours_come_by_similarity_and_equal_ones_by_place():
    candidates = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float16)
    order = ranked(Exact(candidates), np.array([1, 0], np.float32), [3, 2, 1, 0, 3])
    assert order == [(1.0, 1), (1.0, 3), (0.6001, 2), (0.0, 0)]
