"""What every source does with bytes that arrived, and how a listing is written down."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.base import Listing, accept

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    source_id=TEXT,
    title=TEXT,
    location=st.dictionaries(TEXT, TEXT | st.integers(-(2**62), 2**62)),
    size=st.none() | st.integers(0, 2**62),
)
def test_a_listing_survives_its_json(source_id: str, title: str, location: dict[str, str | int], size: int | None):
    listing = Listing(source_id=source_id, title=title, location=location, size=size)
    line = listing.to_json()
    assert "\n" not in line
    assert Listing.from_json(line) == listing


@given(data=st.binary())
def test_the_key_is_of_the_bytes_alone(data: bytes):
    here = accept(Listing(source_id="a", class_label="cat", size=len(data)), data, "folder").image
    there = accept(Listing(source_id="b", md5=hashlib.md5(data).hexdigest()), data, "open-images").image  # noqa: S324
    assert here.key == there.key == hashlib.sha256(data).hexdigest()[:16]
    assert (here.source, here.source_id, here.class_label, here.size) == ("folder", "a", "cat", len(data))


def test_another_size_or_digest_than_published_is_rejected():
    wrong_size, wrong_md5 = Listing(source_id="a", size=3), Listing(source_id="a", md5="0" * 32)
    for listing, words in ((wrong_size, "4 bytes, its publisher says 3"), (wrong_md5, "its publisher says 00000")):
        with pytest.raises(RejectedItem, match=words) as caught:
            accept(listing, b"four", "source")
        assert caught.value.reason is Reason.DIGEST_MISMATCH
