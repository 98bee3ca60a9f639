"""A bounded sample of a stream: even among kinds, and the same whatever the order."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from audit.sampling import EvenSample

Offers = list[tuple[str, float]]


def kept(offers: list[tuple[int, tuple[str, float]]], most: int) -> set[int]:
    sample = EvenSample(most)
    found: set[int] = set()
    for index, (kind, place) in offers:
        found.add(index)
        gone = sample.offer(kind, place, index)
        if gone is not None:
            found.remove(gone)
        assert len(found) <= most
    return found


@given(
    st.lists(st.tuples(st.sampled_from("aaaabbc"), st.floats(0, 1, exclude_max=True)), max_size=40),
    st.integers(1, 20),
    st.randoms(use_true_random=False),
)
def test_the_smallest_places_of_each_kind_as_many_as_of_every_other(offers: Offers, most: int, random: Random):
    numbered = list(enumerate(offers))
    found = kept(numbered, most)
    assert len(found) == min(most, len(offers))
    counts = Counter(offers[index][0] for index in found)
    for kind, whole in Counter(kind for kind, _ in offers).items():
        # a kind that is not kept whole has as many as any other, but for the last place
        assert counts[kind] == whole or counts[kind] >= max(counts.values()) - 1
        places = sorted(place for name, place in offers if name == kind)
        assert sorted(offers[index][1] for index in found if offers[index][0] == kind) == places[: counts[kind]]
    random.shuffle(numbered)
    assert kept(numbered, most) == found
