"""list: the manifest's pairs in chunks, all views of a real in one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from flows.rebuilding.folder import RebuildFolder
from flows.rebuilding.published import PublishedPair
from flows.stages.base import BuildStage, MapStage, ReduceStage
from manifests.chunk_writer import ChunkWriter
from manifests.chunks import slices
from manifests.records import Stage


@dataclass(frozen=True)
class RebuildMap(MapStage):
    """A stage of a rebuild whose chunk i is made from chunk i of the stages that it reads."""

    build: RebuildFolder

    def published(self, index: int) -> dict[str, PublishedPair]:
        """The manifest's pairs of one chunk, by id."""
        records = ListStage(self.build).store.records(index, PublishedPair)
        return {record.pair.pair_id: record for record in records}


@dataclass(frozen=True)
class RebuildReduce(ReduceStage):
    """A stage of a rebuild that reads all that the stages before it have."""

    build: RebuildFolder


class ListStage(RebuildReduce):
    """Cuts the manifest, in key order, as builds do: batches that were full are nearly full again."""

    label: ClassVar[Stage] = "list"

    def settings(self) -> Any:
        """The manifest, chunk size, and what was taken down."""
        return [self.build.request.manifest, self.build.recipe.chunks.size, self.build.tombstones.digest]

    def upstream(self) -> Sequence[BuildStage]:
        """Nothing stands to the left."""
        return ()

    def reduce(self) -> Iterator[ChunkWriter]:
        """Chunks of so many reals; what was taken down keeps its place, so that the other chunks stay as they are."""
        tombstones = self.build.tombstones
        pairs = sorted(self.build.published.pairs(), key=lambda record: record.pair.pair_id)
        by_real = (list(group) for _, group in groupby(pairs, key=lambda record: record.pair.image.key))
        for index, reals in enumerate(slices(by_real, self.build.recipe.chunks.size)):
            chunk = self.store.writer(index)
            for record in (record for group in reals for record in group):
                chunk.seen += 1
                if tombstones.covers(*record.pair.images):
                    chunk.reject(record.pair.pair_id, tombstones.rejection(*record.pair.images))
                else:
                    chunk.add(record)
            yield chunk
