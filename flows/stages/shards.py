"""shards: the pairs as WebDataset tars, in the dataset's own folder."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.placed import PlacedPairs, blobs_of
from flows.stages.align import AlignStage
from flows.stages.base import BuildStage, MapStage, Unit
from flows.stages.split import SplitStage
from manifests.chunk_writer import ChunkWriter
from manifests.files import create_described
from manifests.parts import pair_part
from manifests.records import Stage
from manifests.shards import Sample, metadata, write_shard


class ShardsStage(MapStage):
    """Writes one shard."""

    label: ClassVar[Stage] = "shards"
    unit: ClassVar[Unit] = "files"

    def settings(self) -> Any:
        """Nothing beyond the placed pairs."""
        return ""

    def upstream(self) -> Sequence[BuildStage]:
        """The placed pairs, a shard a chunk."""
        return (SplitStage(self.build),)

    def done(self) -> list[int]:
        """The shards that are in the dataset, too."""
        return [index for index in super().done() if self.is_written(index)]

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Copy the members of the shard's pairs out of the aligned chunks."""
        split = SplitStage(self.build)
        shard = split.shard(index)
        if shard is None:
            return
        name = f"shards/{shard.name}"
        self.build.withdraw("manifest.jsonl")
        with create_described(self.build.dataset, name) as stream:
            write_shard(stream, self._samples(index))
        chunk.seen = 1
        chunk.add(stream.file)

    def _samples(self, index: int) -> Iterator[Sample]:
        aligned = AlignStage(self.build).store
        for line, blobs in PlacedPairs(self.build).of_shard(index):
            pair = pair_part(line)
            members = {name: aligned.read_blob(blob) for name, blob in blobs_of(blobs).items()}
            yield Sample(pair.pair_id, members, metadata(pair))
