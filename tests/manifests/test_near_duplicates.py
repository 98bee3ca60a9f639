import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.near_duplicates import NearDuplicates

BITS = st.integers(0, 63)


@st.composite
def hashes(draw: st.DrawFn) -> list[int]:
    """Hashes of which many lie close to each other: a few bases, each with some of its bits flipped."""
    bases = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    count = draw(st.integers(0, 12))
    flips = [draw(st.sets(BITS, max_size=17)) for _ in range(count)]
    return [draw(st.sampled_from(bases)) ^ sum(1 << bit for bit in bits) for bits in flips]


@pytest.mark.parametrize("radius", range(16))
def test_neighbours_are_those_that_comparing_all_would_find(radius: int):
    @settings(max_examples=25)
    @given(hashes(), hashes())
    def check(kept: list[int], asked: list[int]) -> None:
        near = NearDuplicates(radius)
        for position, phash in enumerate(kept):
            near.add(f"{position}", phash)
        for phash in asked + kept:
            expected = [f"{position}" for position, other in enumerate(kept) if (other ^ phash).bit_count() <= radius]
            assert near.neighbours(phash) == expected

    check()


@pytest.mark.parametrize("radius", range(16))
def test_the_radius_itself_is_near_and_one_bit_more_is_not(radius: int):
    near = NearDuplicates(radius)
    near.add("a", 0)
    # spread over the hash, so that every band but one is hit
    spread = [64 * place // (radius + 1) for place in range(radius + 1)]
    assert near.neighbours(sum(1 << bit for bit in spread[:radius])) == ["a"]
    assert near.neighbours(sum(1 << bit for bit in spread)) == []


@pytest.mark.parametrize("radius", [-1, 16])
def test_a_radius_that_banding_cannot_serve_is_refused(radius: int):
    with pytest.raises(ValueError, match=f"radius {radius}: expected 0 to 15 bits"):
        NearDuplicates(radius)
