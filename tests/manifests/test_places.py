import pytest

from manifests.chunks import StageStore
from manifests.errors import DatasetError
from manifests.places import PlacedLines, placed_lines
from manifests.records import Record
from manifests.storage import Folder


class Note(Record):
    """What the stage of these tests forwards."""

    text: str


@pytest.fixture
def store(folder: Folder) -> StageStore:
    return StageStore(folder, "align", "align", "settings")


def commit(store: StageStore, index: int = 0, text: str = "a note") -> None:
    chunk = store.writer(index)
    for number in range(3):
        chunk.seen += 1
        chunk.add(Note(text=f"{text} {number}"))
    store.commit(chunk, "inputs", started=0.0)


def test_a_record_is_found_by_its_place(store: StageStore):
    commit(store, index=0, text="é")
    commit(store, index=1, text="another")
    placed = [entry for index in (0, 1) for entry in placed_lines(store, index)]
    assert [line for _, line in placed] == store.lines(0) + store.lines(1)
    lines = PlacedLines(store)
    assert [lines[place] for place, _ in reversed(placed)] == [line for _, line in reversed(placed)]
    assert lines[placed[1][0]] == placed[1][1]


def test_another_record_of_the_same_size_has_another_place(store: StageStore):
    commit(store, text="one")
    before = [place for place, _ in placed_lines(store, 0)]
    commit(store, text="two")
    after = [place for place, _ in placed_lines(store, 0)]
    assert [place.offset for place in before] == [place.offset for place in after]
    assert not set(before) & set(after)


def test_a_chunk_that_is_not_done_has_no_places(store: StageStore):
    with pytest.raises(DatasetError, match=r"00000\.jsonl\.zst: its chunk is not finished"):
        next(placed_lines(store, 0))
