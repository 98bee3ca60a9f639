"""shards: the remade pairs as WebDataset tars, under the names that they had."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.rebuilding.align import AlignStage
from flows.rebuilding.listing import RebuildMap
from flows.rebuilding.placing import PlaceStage
from flows.rebuilding.records import RemadePair
from flows.stages.base import BuildStage, Unit
from manifests.chunk_writer import ChunkWriter
from manifests.files import create_described
from manifests.records import Stage
from manifests.shards import Sample, metadata, write_shard


class ShardsStage(RebuildMap):
    """Writes one shard."""

    label: ClassVar[Stage] = "shards"
    unit: ClassVar[Unit] = "files"

    def settings(self) -> Any:
        """Nothing beyond the placed pairs."""
        return ""

    def upstream(self) -> Sequence[BuildStage]:
        """The placed pairs."""
        return (PlaceStage(self.build),)

    def done(self) -> list[int]:
        """The shards that are in the dataset, too."""
        return [index for index in super().done() if self.is_written(index)]

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Copy the members of the shard's pairs out of the aligned chunks; an empty shard is left out."""
        self.build.withdraw("manifest.jsonl")
        name = f"shards/{self.build.header.shards[index].name}"
        if PlaceStage(self.build).shard(index) is None:
            self.build.dataset.remove(name)
            return
        with create_described(self.build.dataset, name) as stream:
            write_shard(stream, self._samples(index))
        chunk.seen = 1
        chunk.add(stream.file)

    def _samples(self, index: int) -> Iterator[Sample]:
        aligned = AlignStage(self.build).store
        for record in PlaceStage(self.build).store.records(index, RemadePair):
            members = {name: aligned.read_blob(blob) for name, blob in record.blobs.items()}
            yield Sample(record.pair.pair_id, members, metadata(record.pair))
