"""Matching: what going through all captions and prompts from the likest on would give, whatever is looked up when."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from generation.retrieve_matching import Match, match
from generation.retrieve_neighbours import Exact, Vectors, ranked


def unit(rows: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(rows, 4))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_hand(
    pairs: list[tuple[str, int]], captions: NDArray[np.float32], prompts: Vectors, supply: list[int], least: float
) -> dict[str, Match]:
    """All combinations in their order."""
    everywhere = range(len(prompts))
    lists = [ranked(Exact(prompts), caption, everywhere) for caption in captions]
    edges = sorted((-similarity, pair, prompt) for pair, row in pairs for similarity, prompt in lists[row])
    matches: dict[str, Match] = {}
    uses = [0] * len(prompts)
    for similarity, pair, prompt in edges:
        if pair not in matches and uses[prompt] < supply[prompt] and -similarity >= least:
            matches[pair] = Match(prompt, uses[prompt], -similarity)
            uses[prompt] += 1
    return {pair: matches.get(pair, Match(None, 0, lists[row][0][0])) for pair, row in pairs}


@given(
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 90), st.integers(1, 90)),
    uses=st.integers(1, 3),
    least=st.sampled_from([-1.0, 0.3, 0.9]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_the_likest_go_together_first(sizes: tuple[int, int, int], uses: int, least: float, seed: int):
    captions, pairs, prompts = sizes
    texts, found = unit(captions, seed), unit(prompts, seed + 1).astype(np.float16)
    asked = [(f"{number:03d}", number % captions) for number in range(pairs)]
    supply = [uses + number % 2 for number in range(prompts)]
    expected = by_hand(asked, texts, found, supply, least)
    assert match(asked, texts, Exact(found), supply, least) == expected
    assert match(asked[::-1], texts, Exact(found), supply, least) == expected


def test_pairs_of_one_caption_are_served_in_the_order_of_their_ids():
    texts = np.array([[1, 0]], np.float32)
    found = np.array([[1, 0], [0, 1]], np.float16)
    matches = match([("b", 0), ("a", 0), ("c", 0)], texts, Exact(found), [1, 1], -1.0)
    assert matches == {"a": Match(0, 0, 1.0), "b": Match(1, 0, 0.0), "c": Match(None, 0, 1.0)}
