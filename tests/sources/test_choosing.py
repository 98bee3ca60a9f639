"""Which images the limits of a source keep."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sources.base import Listing, SourceSettings
from sources.choosing import choose

LISTINGS = st.lists(
    st.builds(Listing, source_id=st.text("abcdef", max_size=4), class_label=st.sampled_from(["", "cat", "dog"])),
    unique_by=lambda listing: listing.source_id,
    max_size=40,
)
LIMIT = st.none() | st.integers(1, 45)
ORDER = st.sampled_from(["hash", "source"])


def chosen(listings: list[Listing], **settings: Any):
    return list(choose(listings, SourceSettings(name="test", **settings)))


@given(listings=LISTINGS, limit=LIMIT, per_class=LIMIT, order=ORDER)
def test_limits_hold_and_the_order_of_the_source_stays(
    listings: list[Listing], limit: int | None, per_class: int | None, order: str
):
    kept = chosen(listings, limit=limit, limit_per_class=per_class, order=order)
    by_class = Counter(listing.class_label for listing in listings)
    reachable = sum(min(number, per_class or number) for number in by_class.values())
    assert len(kept) == min(reachable, limit or reachable)
    assert all(number <= (per_class or number) for number in Counter(listing.class_label for listing in kept).values())
    assert kept == [listing for listing in listings if listing in kept]


@given(listings=LISTINGS, small=st.integers(1, 40), more=st.integers(0, 10), per_class=LIMIT, order=ORDER)
def test_a_smaller_limit_keeps_a_part_of_what_a_larger_one_keeps(
    listings: list[Listing], small: int, more: int, per_class: int | None, order: str
):
    fewer = chosen(listings, limit=small, limit_per_class=per_class, order=order)
    larger = chosen(listings, limit=small + more, limit_per_class=per_class, order=order)
    assert [listing for listing in larger if listing in fewer] == fewer


@given(listings=LISTINGS, small=st.integers(1, 20), more=st.integers(0, 10), order=ORDER)
def test_a_smaller_limit_of_each_class_keeps_a_part_of_what_a_larger_one_keeps(
    listings: list[Listing], small: int, more: int, order: str
):
    fewer = chosen(listings, limit_per_class=small, order=order)
    larger = chosen(listings, limit_per_class=small + more, order=order)
    assert [listing for listing in larger if listing in fewer] == fewer


@given(data=st.data(), listings=LISTINGS, limit=LIMIT, per_class=LIMIT)
def test_by_hash_the_order_of_the_source_does_not_matter(
    data: st.DataObject, listings: list[Listing], limit: int | None, per_class: int | None
):
    shuffled = data.draw(st.permutations(listings))
    kept = {listing.source_id for listing in chosen(listings, limit=limit, limit_per_class=per_class)}
    assert {listing.source_id for listing in chosen(shuffled, limit=limit, limit_per_class=per_class)} == kept


def test_the_choice_stays_the_same_for_ever():
    listings = [Listing(source_id=f"{number:03}") for number in range(1000)]
    kept = [listing.source_id for listing in chosen(listings, limit=5)]
    assert kept == ["252", "268", "326", "610", "665"]


def test_the_first_ones_are_taken_without_reading_on():
    def endless() -> Iterator[Listing]:
        return (Listing(source_id=str(number), class_label="ab"[number % 2]) for number in count())

    kept = choose(endless(), SourceSettings(name="test", limit=3, limit_per_class=2, order="source"))
    assert [listing.source_id for listing in kept] == ["0", "1", "2"]
