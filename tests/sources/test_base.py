"""What every source does with bytes that arrived, and how a listing is written down."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import canonical
from manifests.errors import RejectedItem
from manifests.records import ExistingFake, Reason
from sources.base import Listing, accept

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    source_id=TEXT,
    title=TEXT,
    location=st.dictionaries(TEXT, TEXT | st.integers(-(2**62), 2**62)),
    size=st.none() | st.integers(0, 2**62),
)
def test_a_listing_survives_its_json(source_id: str, title: str, location: dict[str, str | int], size: int | None):
    made = ExistingFake(generator="sdxl", prompt=title, settings={"steps": 20, "cfg": 7.5})
    for listing in (
        Listing(source_id=source_id, title=title, location=location, size=size),
        Listing(source_id=source_id, made=made, scores={"punsafe": 0.25}),
    ):
        line = canonical.dumps(listing.to_dict())
        assert b"\n" not in line
        assert Listing.from_dict(canonical.loads(line)) == listing


def test_fields_that_say_nothing_are_not_written():
    assert Listing(source_id="a", url="u", scores={}).to_dict() == {"source_id": "a", "url": "u"}


@given(data=st.binary())
def test_the_key_is_of_the_bytes_alone(data: bytes):
    here = accept(Listing(source_id="a", class_label="cat", size=len(data)), data, "folder").image
    there = accept(Listing(source_id="b", md5=hashlib.md5(data).hexdigest()), data, "open-images").image  # noqa: S324
    assert here.key == there.key == hashlib.sha256(data).hexdigest()[:16]
    assert (here.source, here.source_id, here.class_label, here.size) == ("folder", "a", "cat", len(data))


def test_another_size_or_digest_than_published_is_rejected():
    for listing, words in (
        (Listing(source_id="a", size=3), "4 bytes, its publisher says 3"),
        (Listing(source_id="a", md5="0" * 32), "MD5 .*, its publisher says 00000"),
        (Listing(source_id="a", sha256="0" * 64), "SHA-256 .*, its publisher says 00000"),
    ):
        with pytest.raises(RejectedItem, match=words) as caught:
            accept(listing, b"four", "source")
        assert caught.value.reason is Reason.DIGEST_MISMATCH
