import io
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.chunk_writer import Blob, ChunkWriter
from manifests.chunks import StageStore, slices
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason, Record
from manifests.storage import Folder


class Note(Record):
    """What the stage of these tests forwards."""

    text: str
    blob: Blob | None = None


@pytest.fixture
def store(folder: Folder) -> StageStore:
    return StageStore(folder, "generate-sd14", "generate", "settings")


def filled(store: StageStore, index: int = 0, text: str = "a note", blobs: int = 2) -> ChunkWriter:
    """A chunk of `blobs` notes with bytes, a note without, and a reject."""
    chunk = store.writer(index)
    for number in range(blobs):
        chunk.add(Note(text=text, blob=chunk.blob(f"{number}.png", f"{text} {number}".encode())))
    chunk.add(Note(text=text))
    chunk.reject("0123456789abcdef", RejectedItem(Reason.UNSAFE, "flagged"))
    chunk.seen = blobs + 2
    return chunk


def commit(store: StageStore, index: int = 0, inputs: str = "inputs", text: str = "a note") -> None:
    store.commit(filled(store, index, text), inputs, started=0.0)


def contents(folder: Folder) -> dict[str, bytes]:
    """All files but the times, which are outside the promise of equal bytes."""
    return {name: folder.read(name) for name in folder.files() if not name.endswith(".time.json")}


def test_a_chunk_is_read_back_as_it_was_written(store: StageStore):
    commit(store, index=3)
    notes = list(store.records(3, Note))
    assert [note.text for note in notes] == ["a note"] * 3
    assert [store.read_blob(note.blob) for note in notes if note.blob] == [b"a note 0", b"a note 1"]
    (reject,) = store.rejects(3)
    assert (reject.stage, reject.reason, reject.detail) == ("generate", Reason.UNSAFE, "flagged")
    marker = store.marker(3)
    assert marker is not None
    assert (marker.seen, marker.forwarded, marker.rejected) == (4, 3, {Reason.UNSAFE: 1})


@settings(max_examples=40)
@given(
    st.lists(st.text(max_size=20), max_size=5),
    st.lists(st.tuples(st.text("abc-01é", min_size=1, max_size=40), st.binary(max_size=1200)), max_size=5),
)
def test_any_text_and_any_bytes_survive(texts: list[str], blobs: list[tuple[str, bytes]]):
    store = StageStore(Folder.at(f"memory://{uuid.uuid4()}"), "reals", "reals", "")
    chunk = store.writer(0)
    pointers = [chunk.blob(name, data) for name, data in blobs]
    for text in texts:
        chunk.add(Note(text=text))
        chunk.reject(text, RejectedItem(Reason.TIMEOUT, text))
    chunk.seen = 2 * len(texts)
    store.commit(chunk, "", started=0.0)
    assert [note.text for note in store.records(0, Note)] == texts
    assert [(reject.key, reject.detail) for reject in store.rejects(0)] == [(text, text) for text in texts]
    assert [store.read_blob(pointer) for pointer in pointers] == [data for _, data in blobs]
    if blobs:
        with tarfile.open(fileobj=io.BytesIO(store.folder.read("00000.tar"))) as tar:
            assert tar.getnames() == [name for name, _ in blobs]
    store.folder.remove_all()


def test_a_stage_without_bytes_writes_no_tar(store: StageStore):
    chunk = store.writer(0)
    chunk.seen = 1
    chunk.add(Note(text="alone"))
    store.commit(chunk, "inputs", started=0.0)
    assert sorted(contents(store.folder)) == ["00000.done.json", "00000.jsonl.zst", "00000.rejects.jsonl"]


def test_two_writers_give_equal_bytes(tmp_path: Path):
    stores = [StageStore(Folder.at(str(tmp_path / name)), "reals", "reals", "settings") for name in "ab"]
    for number, store in enumerate(stores):
        store.commit(filled(store), "inputs", started=float(number))
    one, other = (contents(store.folder) for store in stores)
    assert one == other
    assert stores[0].digest(1) == stores[1].digest(1)


@pytest.mark.parametrize("seen", [0, 3, 5])
def test_items_that_do_not_add_up_stop_the_run_before_anything_is_written(store: StageStore, seen: int):
    chunk = filled(store)
    chunk.seen = seen
    with pytest.raises(
        DatasetError, match=f"stage generate-sd14, chunk 0: {seen} items seen, but 3 forwarded and 1 re"
    ):
        store.commit(chunk, "inputs", started=0.0)
    assert store.folder.files() == []


def test_a_chunk_is_done_for_its_own_inputs_and_settings_alone(store: StageStore):
    assert store.marker(0) is None
    assert not store.is_done(0, "inputs")
    commit(store)
    assert store.is_done(0, "inputs")
    assert not store.is_done(1, "inputs")
    assert not store.is_done(0, "other inputs")
    assert not StageStore(store.folder, store.name, store.label, "other settings").is_done(0, "inputs")


@pytest.mark.parametrize("name", ["00000.jsonl.zst", "00000.rejects.jsonl", "00000.tar"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_chunk_whose_output_is_not_whole_is_not_done(store: StageStore, name: str, damage: str):
    commit(store)
    data = store.folder.read(name)
    store.folder.remove(name)
    if damage == "truncated":
        store.folder.write(name, data[:-1])
    assert not store.is_done(0, "inputs")


@pytest.mark.parametrize("place", range(3, 60, 8))
def test_damaged_records_are_told(store: StageStore, place: int):
    commit(store)
    data = bytearray(store.folder.read("00000.jsonl.zst"))
    data[place] ^= 16
    store.folder.write("00000.jsonl.zst", bytes(data))
    with pytest.raises(DatasetError, match=r"00000\.jsonl\.zst: damaged \(.*\)\. Remove it, and run the build again"):
        store.lines(0)


def test_a_chunk_whose_records_are_not_compressed_is_not_done(store: StageStore):
    commit(store)
    marker = store.folder.read("00000.done.json")
    store.folder.write("00000.done.json", marker.replace(b"00000.jsonl.zst", b"00000.jsonl"))
    store.folder.write("00000.jsonl", store.folder.read("00000.jsonl.zst"))
    assert not store.is_done(0, "inputs")


def test_records_that_are_alike_take_little_room(store: StageStore):
    chunk = store.writer(0)
    for number in range(1000):
        chunk.seen += 1
        chunk.add(Note(text=f"a photograph of a bowl and {number} glasses on a wooden table"))
    marker = store.commit(chunk, "inputs", started=0.0)
    assert marker.outputs["00000.jsonl.zst"].size * 5 < len(store.text(0))


def test_a_damaged_marker_is_none(store: StageStore):
    commit(store)
    store.folder.write("00000.done.json", b'{"index": 0')
    assert store.marker(0) is None
    assert store.markers() == []
    assert not store.is_done(0, "inputs")


@dataclass(frozen=True)
class FolderThatDies(Folder):
    """A real folder whose process dies at its nth write."""

    writes_left: list[None] = field(default_factory=list)

    def write(self, name: str, data: bytes) -> None:
        if not self.writes_left:
            raise KeyboardInterrupt
        self.writes_left.pop()
        super().write(name, data)


@pytest.mark.parametrize("writes", range(6))
def test_a_chunk_killed_at_any_write_is_done_only_when_all_is_written(tmp_path: Path, writes: int):
    url = str(tmp_path)
    store = StageStore(Folder.at(url), "reals", "reals", "settings")
    commit(store, inputs="old", text="old")
    dying = FolderThatDies(store.folder.fs, store.folder.root, [None] * writes)
    try:
        commit(StageStore(dying, "reals", "reals", "settings"), inputs="new", text="new")
        survived = True
    except KeyboardInterrupt:
        survived = False
    assert survived == (writes >= 5)
    assert store.is_done(0, "new") == survived
    # the new files have the sizes of the old: an old marker beside them would vouch for what it has never seen
    assert not store.is_done(0, "old")
    commit(store, inputs="new", text="new")
    never_killed = StageStore(Folder.at(f"{url}/again"), "reals", "reals", "settings")
    commit(never_killed, inputs="new", text="new")
    expected = contents(never_killed.folder)
    never_killed.folder.remove_all()
    assert contents(store.folder) == expected


def test_a_stage_is_complete_once_it_says_how_many_chunks_it_has(store: StageStore):
    for index in range(2):
        commit(store, index)
    assert store.chunks() is None
    assert not store.is_complete("inputs")
    store.mark_complete("inputs", 2)
    assert store.chunks() == 2
    assert store.is_complete("inputs")
    assert not store.is_complete("other inputs")
    assert not StageStore(store.folder, store.name, store.label, "other settings").is_complete("inputs")


def test_a_stage_that_has_nothing_can_be_complete(store: StageStore):
    store.mark_complete("inputs", 0)
    assert store.is_complete("inputs")


@pytest.mark.parametrize("harm", ["lost", "remade from something else"])
def test_a_stage_with_a_chunk_that_is_not_its_own_is_not_complete(store: StageStore, harm: str):
    for index in range(2):
        commit(store, index)
    store.mark_complete("inputs", 2)
    if harm == "lost":
        store.folder.remove("00001.jsonl.zst")
    else:
        commit(store, 1, inputs="other inputs")
    assert not store.is_complete("inputs")


def test_a_damaged_completion_is_none(store: StageStore):
    store.folder.write("complete.json", b'["complete"]')
    assert store.chunks() is None
    assert not store.is_complete("inputs")


@pytest.mark.parametrize("how", [StageStore.trim, lambda store, chunks: store.mark_complete("inputs", chunks)])
def test_chunks_beyond_the_last_are_dropped(store: StageStore, how: Callable[[StageStore, int], None]):
    for index in (0, 1, 2, 100_000):
        commit(store, index)
    how(store, 2)
    assert [marker.index for marker in store.markers()] == [0, 1]
    assert {name.partition(".")[0] for name in store.folder.names()} - {"complete"} == {"00000", "00001"}


def test_chunks_are_told_apart_and_in_order_beyond_five_digits(store: StageStore):
    for index in (100_000, 99_999, 10_000):
        commit(store, index)
    assert [marker.index for marker in store.markers()] == [10_000, 99_999, 100_000]
    assert [index for index, _, _ in store.times()] == [10_000, 99_999, 100_000]
    store.trim(100_000)
    assert [marker.index for marker in store.markers()] == [10_000, 99_999]


def test_times_are_kept_beside_the_promise_of_equal_bytes(store: StageStore):
    store.commit(filled(store, 4), "inputs", started=12.5)
    ((index, started, ended),) = store.times()
    assert (index, started) == (4, 12.5)
    assert ended > started
    marker = store.marker(4)
    assert marker is not None
    assert "00004.time.json" not in marker.outputs


def test_the_digest_of_a_stage_changes_with_any_of_its_outputs(store: StageStore):
    for index in range(2):
        commit(store, index)
    before = store.digest(2)
    commit(store, 1, inputs="made from something else, with the same outcome")
    assert store.digest(2) == before
    commit(store, 1, text="a nota")
    assert store.digest(2) != before
    assert store.digest(1) != store.digest(2) != store.digest(3)


@settings(max_examples=50)
@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_slices_are_consecutive_and_full_but_for_the_last(items: list[int], size: int):
    parts = list(slices(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])
    assert all(1 <= len(part) <= size for part in parts)
