"""What all stages share: a store, a number of chunks, and what each chunk is made from.

Stages stand in one line and are asked from left to right: what a stage says of itself holds once all to its left is done.
"""

import gc
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from flows.folder import BuildFolder
from manifests import canonical
from manifests.chunk_writer import ChunkWriter
from manifests.chunks import StageStore, one_look
from manifests.errors import DatasetError
from manifests.files import WrittenFile
from manifests.records import Reason, Record, Stage

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

R = TypeVar("R", bound=Record)

Resource = Literal["cpu", "network", "model"]
Unit = Literal["images", "pairs", "shards", "files"]


@dataclass(frozen=True)
class StageCount:
    """What a stage did with its items; `seen` = `forwarded` + the sum of `rejected`."""

    name: str
    unit: Unit
    chunks: int
    chunks_done: int
    seen: int
    forwarded: int
    rejected: dict[Reason, int]
    seconds: float


@dataclass(frozen=True)
class BuildStage(ABC):
    """A stage of a build.

    Attributes:
        build: the build that it is a stage of.
    """

    build: BuildFolder

    label: ClassVar[Stage]
    unit: ClassVar[Unit] = "pairs"
    resource: ClassVar[Resource] = "cpu"

    @property
    def name(self) -> str:
        """The stage's folder."""
        return self.label

    @abstractmethod
    def settings(self) -> Any:
        """All that the outputs depend on beside the inputs: JSON-able."""

    @abstractmethod
    def upstream(self) -> "Sequence[BuildStage]":
        """The stages that this one reads."""

    @abstractmethod
    def count(self) -> int | None:
        """Number of chunks; None while it is not known."""

    @abstractmethod
    def done(self) -> list[int]:
        """The chunks that are done, with these settings and from what stands to the left now."""

    @abstractmethod
    def pending(self) -> list[int]:
        """The chunks that have to be done."""

    @abstractmethod
    def run(self, index: int) -> None:
        """Do one chunk and commit it."""

    @cached_property
    def store(self) -> StageStore:
        """The stage's part of the chunk store."""
        return self.build.store(self.name, self.label, self.settings())

    def finish(self) -> None:
        """Called when nothing is pending any more."""
        self.store.trim(self.count() or 0)
        self.release()

    def release(self) -> None:  # noqa: B027 - most stages hold none
        """Let the model go, where the stage has one: the next one needs its memory."""

    def note(self, index: int) -> str:  # noqa: ARG002 - what most stages have to say
        """What `provenance.parquet` tells of a chunk beside its times."""
        return ""

    def records(self, kind: type[R]) -> Iterator[R]:
        """What all chunks of the stage forwarded, in order."""
        for index in range(self.count() or 0):
            yield from self.store.records(index, kind)

    def counts(self) -> StageCount:
        """Seen, forwarded and rejected so far."""
        done = set(self.done())
        markers = [marker for marker in self.store.markers() if marker.index in done]
        rejected: Counter[Reason] = Counter()
        for marker in markers:
            rejected.update(marker.rejected)
        return StageCount(
            name=self.name,
            unit=self.unit,
            chunks=self.count() or 0,
            chunks_done=len(markers),
            seen=sum(marker.seen for marker in markers),
            forwarded=sum(marker.forwarded for marker in markers),
            rejected=dict(sorted(rejected.items())),
            seconds=_busy((started, ended) for index, started, ended in self.store.times() if index in done),
        )

    def is_written(self, index: int) -> bool:
        """Whether the dataset holds the files that a chunk has described (by size)."""
        return all(self.build.dataset.size(file.name) == file.size for file in self.store.records(index, WrittenFile))


class MapStage(BuildStage):
    """A stage whose chunk i is made from chunk i of the stages that it reads."""

    @abstractmethod
    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Do one chunk: forward or reject each item that is seen."""

    def count(self) -> int | None:
        """As many as the stage that it reads has."""
        return self.upstream()[0].count()

    def inputs(self, index: int) -> str:
        """Digest of what a chunk is made from."""
        markers = [stage.store.marker(index) for stage in self.upstream()]
        return canonical.digest([marker.digest if marker else "" for marker in markers])

    def done(self) -> list[int]:
        """The chunks whose outputs are there."""
        with one_look():
            return [index for index in range(self.count() or 0) if self.store.is_done(index, self.inputs(index))]

    def pending(self) -> list[int]:
        """The chunks whose outputs are not there, or were made from something else."""
        done = set(self.done())
        return [index for index in range(self.count() or 0) if index not in done]

    def run(self, index: int) -> None:
        """Do one chunk and commit it."""
        started = time.time()
        inputs = self.inputs(index)
        chunk = self.store.writer(index)
        self.process(index, chunk)
        self.store.commit(chunk, inputs, started)


class ReduceStage(BuildStage):
    """A stage that reads all that the stages before it have, and cuts chunks of its own: one piece of work."""

    @abstractmethod
    def reduce(self) -> Iterator[ChunkWriter]:
        """All chunks of the stage, one after the other."""

    def files_chunk(self, files: Iterable[WrittenFile]) -> ChunkWriter:
        """The one chunk of a stage that writes files of the dataset."""
        chunk = self.store.writer(0)
        for file in sorted(files, key=lambda file: file.name):
            chunk.seen += 1
            chunk.add(file)
        return chunk

    def inputs(self) -> str:
        """Digest of all that the stage reads."""
        return canonical.digest([stage.store.digest(stage.count() or 0) for stage in self.upstream()])

    def count(self) -> int | None:
        """Number of chunks, once the stage has run."""
        return self.store.chunks()

    def done(self) -> list[int]:
        """The chunks that are written; while the stage runs, those that it has cut so far."""
        with one_look():
            inputs = self.inputs()
            return [marker.index for marker in self.store.markers() if self.store.is_done(marker.index, inputs)]

    def pending(self) -> list[int]:
        """One piece of work, or none."""
        with one_look():
            return [] if self.store.is_complete(self.inputs()) else [0]

    def run(self, index: int) -> None:
        """Do the whole stage."""
        if index:
            raise DatasetError(f"stage {self.name} is one piece of work, asked for its piece {index}")
        started = time.time()
        inputs = self.inputs()
        chunks = 0
        for chunk in self.reduce():
            self.store.commit(chunk, inputs, started)
            chunks += 1
        self.store.mark_complete(inputs, chunks)


def _busy(intervals: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one chunk was worked on: chunks that ran side by side count once."""
    total = latest = 0.0
    for started, ended in sorted(intervals):
        total += max(0.0, ended - max(started, latest))
        latest = max(latest, ended)
    return total


def let_go(opened: "_lru_cache_wrapper[Any]") -> None:
    """Let go of the model that a process keeps, and of its memory at once: a compiled one refers to itself.

    Args:
        opened: what opened it, and keeps it.
    """
    if opened.cache_info().currsize:
        opened.cache_clear()
        gc.collect()
