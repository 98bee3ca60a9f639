import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.near_duplicates import NearDuplicates
from manifests.neighbourhoods import FirstNear, Neighbourhoods, near_pairs

BITS = st.integers(0, 63)


@st.composite
def hashes(draw: st.DrawFn) -> list[int]:
    """Hashes of which many lie close to each other, some of them the same."""
    bases = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    flips = draw(st.lists(st.sets(BITS, max_size=17), max_size=12))
    return [draw(st.sampled_from(bases)) ^ sum(1 << bit for bit in bits) for bits in flips]


@pytest.mark.parametrize("radius", [0, 1, 3, 6, 15])
def test_others_are_those_that_comparing_all_would_find(radius: int):
    @settings(max_examples=25)
    @given(hashes())
    def check(known: list[int]) -> None:
        found = Neighbourhoods(np.array(known, np.uint64), radius)
        for phash in known:
            expected = {other for other in known if other != phash and (other ^ phash).bit_count() <= radius}
            assert set(found.others(phash) or []) == expected
            assert (found.others(phash) is None) == (not expected and known.count(phash) == 1)

    check()


@settings(max_examples=50)
@given(hashes(), st.sampled_from([0, 3, 6]))
def test_the_first_that_was_kept_is_the_same_as_when_nothing_is_known_beforehand(known: list[int], radius: int):
    first = FirstNear(Neighbourhoods(np.array(known, np.uint64), radius))
    peer = NearDuplicates(radius)
    for number, phash in enumerate(known):
        assert first.first(phash) == peer.first(phash)
        first.add(f"{number}", phash)
        peer.add(f"{number}", phash)


@pytest.mark.parametrize("radius", [3, 6])
@pytest.mark.parametrize(
    "count", [3_000, 150_000]
)  # the larger one lets other numbers of blocks agree, and has full groups
def test_every_pair_of_a_large_set_is_found_once(radius: int, count: int):
    rng = np.random.default_rng(radius)
    known = rng.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(1, 400):
        flipped = rng.choice(64, size=rng.integers(1, radius + 3), replace=False)
        known[-place] = known[place] ^ np.uint64(sum(1 << int(bit) for bit in flipped))
    known = np.unique(known)
    low, high = near_pairs(known, radius)
    pairs = list(zip(low.tolist(), high.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    sample = known[:: max(1, count // 300)]
    asked = {*sample.tolist(), *low.tolist()}
    expected = {
        tuple(sorted((phash, int(other))))
        for phash in itertools.islice(sorted(asked), 500)
        for other in known[np.bitwise_count(known ^ np.uint64(phash)) <= radius]
        if int(other) != phash
    }
    found = set(pairs)
    assert expected <= found
    assert all((a ^ b).bit_count() <= radius for a, b in found)


@pytest.mark.parametrize("radius", [-1, 16])
def test_a_radius_that_cannot_be_served_is_refused(radius: int):
    with pytest.raises(ValueError, match=f"radius {radius}: expected 0 to 15 bits"):
        Neighbourhoods(np.array([1], np.uint64), radius)
