"""The chunk store: what a stage has done, as files; outputs first, completion marker last.

A stage's folder holds, for chunk 7:

    00007.jsonl.zst       a record a line, in the order in which they were given; compressed, for they are much alike
    00007.rejects.jsonl   a `Reject` a line
    00007.tar             the records' bytes (only where the stage makes any), uncompressed: a record points into it
    00007.done.json       the marker: digests of inputs, settings and outputs; written last
    complete.json         of a stage that cuts its own chunks: how many there are; written when all are done

The disk alone says what is done: a chunk is done when its marker names the same inputs and settings and its outputs are
there with the recorded sizes. Anything else is done again.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from backports.zstd import ZstdError, decompress
from pydantic import Field, ValidationError

from manifests import canonical
from manifests.chunk_writer import RECORDS, Blob, ChunkWriter
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason, Record, Reject, Stage
from manifests.storage import Folder

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_MARKER = ".done.json"
_COMPLETE = "complete.json"


class Output(Record):
    """Digest and size of one file."""

    sha256: str
    size: int


class Marker(Record):
    """What a finished chunk was made from and what it gave."""

    index: int
    inputs: str = Field(description="digest of the chunks that it read")
    settings: str = Field(description="digest of the settings that it was made with")
    outputs: dict[str, Output]
    seen: int
    forwarded: int
    rejected: dict[Reason, int]

    @property
    def digest(self) -> str:
        """Digest of the outputs: the `inputs` of whoever reads this chunk."""
        return canonical.digest({name: output.sha256 for name, output in self.outputs.items()})


class Completion(Record):
    """What a finished stage that cuts its own chunks was made from, and how many chunks it has."""

    inputs: str
    settings: str
    chunks: int


@dataclass(frozen=True)
class _View:
    """What a stage's folder held when it was looked at."""

    sizes: dict[str, int]
    markers: dict[int, Marker]
    completion: Completion | None


_views: ContextVar[dict[str, _View] | None] = ContextVar("views", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Within such a block a stage's folder in an object store is looked at once, and not again for each of its chunks.

    What is written meanwhile is not seen, so nothing that writes may stand in the block. A disk is asked as ever.
    """
    if _views.get() is not None:
        yield
        return
    token = _views.set({})
    try:
        yield
    finally:
        _views.reset(token)


@dataclass(frozen=True)
class StageStore:
    """One stage's folder.

    Attributes:
        folder: the folder, `<dataset>/work/<name>`.
        name: the folder's name (`reals`, `generate-sd14`).
        label: the stage as rejects name it (`reals`, `generate`).
        settings: digest of all settings that the stage's outputs depend on.
    """

    folder: Folder
    name: str
    label: Stage
    settings: str

    def writer(self, index: int) -> ChunkWriter:
        """A writer for one chunk; nothing is on disk until `commit`."""
        return ChunkWriter(self.name, index, self.label)

    def commit(self, chunk: ChunkWriter, inputs: str, started: float) -> Marker:
        """Write the chunk's files, then its marker.

        The marker of an earlier run goes first: it must never vouch for a file that it has not seen, even one of the
        same size.

        Args:
            chunk: what the stage collected.
            inputs: digest of what it was made from.
            started: `time.time()` when the work began; goes to a side file outside the promise of equal bytes.
        """
        seen, forwarded, rejected = chunk.counts()
        self.folder.remove(_marker_name(chunk.index))
        outputs = {}
        for suffix, data in chunk.files().items():
            name = f"{chunk.index:05d}.{suffix}"
            self.folder.write(name, data)
            outputs[name] = Output(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        marker = Marker(
            index=chunk.index,
            inputs=inputs,
            settings=self.settings,
            outputs=outputs,
            seen=seen,
            forwarded=forwarded,
            rejected=rejected,
        )
        self.folder.write(f"{chunk.index:05d}.time.json", canonical.dumps({"started": started, "ended": time.time()}))
        self.folder.write(_marker_name(chunk.index), canonical.dumps(marker))
        return marker

    def marker(self, index: int) -> Marker | None:
        """The chunk's marker; None when it is not done."""
        if (view := self._view()) is not None:
            return view.markers.get(index)
        try:
            return _parsed(self.folder.read(_marker_name(index)), Marker)
        except FileNotFoundError:
            return None

    def _view(self) -> _View | None:
        """What the folder held at this block's one look; None outside such a block, and on a disk."""
        views = _views.get()
        if views is None or self.folder.is_local:
            return None
        if self.folder.root not in views:
            sizes = self.folder.sizes()
            texts = self.folder.read_all([name for name in sizes if name.endswith(_MARKER) or name == _COMPLETE])
            completion = _parsed(texts.pop(_COMPLETE, b""), Completion)
            markers = {_index(name): _parsed(text, Marker) for name, text in texts.items()}
            whole = {index: marker for index, marker in markers.items() if index is not None and marker is not None}
            views[self.folder.root] = _View(sizes, whole, completion)
        return views[self.folder.root]

    def markers(self) -> list[Marker]:
        """The markers of all finished chunks, in order."""
        return [marker for index in self._indices(_MARKER) if (marker := self.marker(index)) is not None]

    def _indices(self, suffix: str) -> list[int]:
        """The chunks that have a file with this suffix, in order."""
        view = self._view()
        names = (name for name in (self.folder.names() if view is None else view.sizes) if name.endswith(suffix))
        return sorted(index for name in names if (index := _index(name)) is not None)

    def is_done(self, index: int, inputs: str) -> bool:
        """Whether the chunk was made from these inputs with these settings and its files are whole (by size)."""
        marker, view = self.marker(index), self._view()
        size = self.folder.size if view is None else view.sizes.get
        return (
            marker is not None
            and marker.inputs == inputs
            and marker.settings == self.settings
            and records_name(index) in marker.outputs
            and all(size(name) == output.size for name, output in marker.outputs.items())
        )

    def forget(self, index: int) -> None:
        """Let a chunk be done again: without its marker its files say nothing."""
        self.folder.remove(_marker_name(index))

    def chunks(self) -> int | None:
        """Number of chunks, as `mark_complete` has said; None before."""
        completion = self._completion()
        return completion.chunks if completion else None

    def is_complete(self, inputs: str) -> bool:
        """Whether the whole stage was made from these inputs with these settings, and all its files are whole."""
        completion = self._completion()
        return (
            completion is not None
            and completion.inputs == inputs
            and completion.settings == self.settings
            and all(self.is_done(index, inputs) for index in range(completion.chunks))
        )

    def mark_complete(self, inputs: str, chunks: int) -> None:
        """Say that the stage has this many chunks and that all are done; chunks beyond them are dropped."""
        self.trim(chunks)
        completion = Completion(inputs=inputs, settings=self.settings, chunks=chunks)
        self.folder.write(_COMPLETE, canonical.dumps(completion))

    def trim(self, chunks: int) -> None:
        """Drop the chunks that an earlier, longer run has left beyond this number."""
        for name in self.folder.names():
            index = _index(name)
            if index is not None and index >= chunks:
                self.folder.remove(name)

    def _completion(self) -> Completion | None:
        if (view := self._view()) is not None:
            return view.completion
        try:
            return _parsed(self.folder.read(_COMPLETE), Completion)
        except FileNotFoundError:
            return None

    def digest(self, chunks: int) -> str:
        """Digest of all outputs of the stage's chunks."""
        markers = (self.marker(index) for index in range(chunks))
        return canonical.digest([marker.digest if marker else "" for marker in markers])

    def records(self, index: int, kind: type[R]) -> Iterator[R]:
        """The records that a chunk forwarded, in order."""
        yield from (kind.model_validate_json(line) for line in self.lines(index))

    def lines(self, index: int) -> list[bytes]:
        """The records that a chunk forwarded, in order, each as the JSON that was written."""
        return self.text(index).splitlines()

    def text(self, index: int) -> bytes:
        """The lines of the records that a chunk forwarded.

        Raises:
            DatasetError: the file is damaged.
        """
        name = records_name(index)
        try:
            return decompress(self.folder.read(name))
        except ZstdError as error:
            raise DatasetError(
                f"{self.folder}/{name}: damaged ({error}). Remove it, and run the build again: what it held is made anew."
            ) from error

    def rejects(self, index: int) -> Iterator[Reject]:
        """The chunk's rejects, in order."""
        lines = self.folder.read(f"{index:05d}.rejects.jsonl").splitlines()
        yield from (Reject.model_validate_json(line) for line in lines)

    def read_blob(self, blob: Blob) -> bytes:
        """Bytes that a record of this stage points to.

        Raises:
            RejectedItem: `taken-down` when they were erased.
        """
        data = self.stored_blob(blob)
        if blob.size and not any(data):
            raise RejectedItem(Reason.TAKEN_DOWN)
        return data

    def stored_blob(self, blob: Blob) -> bytes:
        """Bytes that a record of this stage points to, as they stand; zeros where they were erased."""
        return self.folder.read_range(f"{blob.chunk:05d}.tar", blob.offset, blob.size)

    def times(self) -> list[tuple[int, float, float]]:
        """Index, start and end of each finished chunk; seconds since the epoch."""
        times: list[tuple[int, float, float]] = []
        names = {f"{index:05d}.time.json": index for index in self._indices(".time.json")}
        for name, data in self.folder.read_all(list(names)).items():
            entry: dict[str, Any] = canonical.loads(data)
            times.append((names[name], entry["started"], entry["ended"]))
        return sorted(times)


def records_name(index: int) -> str:
    """The file of a chunk's records."""
    return f"{index:05d}.{RECORDS}"


def _marker_name(index: int) -> str:
    return f"{index:05d}{_MARKER}"


def _parsed(text: bytes, kind: type[R]) -> R | None:
    """A marker or a completion; None where it is damaged: then the work is not done."""
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        return None


def _index(name: str) -> int | None:
    """The chunk that a file belongs to; None for the stage's own."""
    number = name.partition(".")[0]
    return int(number) if number.isdecimal() else None


def slices(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of at most `size` items."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
