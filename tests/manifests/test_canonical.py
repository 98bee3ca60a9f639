import hashlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import canonical
from manifests.records import Reason, Reject

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(VALUES)
def test_what_is_written_is_read_back_from_one_line(value: object):
    data = canonical.dumps(value)
    assert canonical.loads(data) == value
    assert len(data.splitlines()) == 1


def test_keys_are_sorted_and_no_space_is_wasted():
    assert canonical.dumps({"b": [1, 2], "a": "é"}) == '{"a":"é","b":[1,2]}'.encode()
    assert canonical.dumps({"a": 1, "b": 2}) == canonical.dumps({"b": 2, "a": 1})


def test_a_record_is_written_by_its_json_form():
    reject = Reject(key="k", stage="screen", reason=Reason.BLANK)
    assert json.loads(canonical.dumps(reject)) == {"key": "k", "stage": "screen", "reason": "blank", "detail": ""}


def test_the_digest_is_the_sha256_of_the_bytes():
    assert canonical.digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    assert canonical.digest({"a": 1}) != canonical.digest({"a": "1"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [-float("inf")]}])
def test_what_json_cannot_say_is_refused(value: object):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.dumps(value)


def test_what_is_not_json_is_refused():
    with pytest.raises(ValueError, match="Expecting"):
        canonical.loads(b"{")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_lines_that_are_put_together_from_parts_write_a_text_alike(text: str):
    assert msgspec.json.encode(text) == canonical.dumps(text)
