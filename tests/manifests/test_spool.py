import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.spool import Spool


class Note(msgspec.Struct):
    text: str
    number: int


@settings(max_examples=30)
@given(st.lists(st.builds(Note, text=st.text(max_size=20), number=st.integers(0, 2**64 - 1)), max_size=20))
def test_records_come_back_in_their_order_as_often_as_they_are_asked_for(notes: list[Note]):
    with Spool(Note) as spool:
        for note in notes:
            spool.append(note)
        assert len(spool) == len(notes)
        assert list(spool) == notes
        assert list(spool) == notes
