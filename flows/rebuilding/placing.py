"""split: the remade pairs in the shards that the manifest names; a shard a chunk."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.rebuilding.align import AlignStage
from flows.rebuilding.frame import FrameStage
from flows.rebuilding.generate import generate_stages
from flows.rebuilding.listing import ListStage, RebuildReduce
from flows.rebuilding.reals import RealsStage
from flows.rebuilding.records import RemadePair
from flows.stages.base import BuildStage
from manifests.chunk_writer import ChunkWriter
from manifests.errors import DatasetError
from manifests.header import ShardInfo
from manifests.records import Reason, Stage


class PlaceStage(RebuildReduce):
    """Puts each pair where it stood."""

    label: ClassVar[Stage] = "split"

    def settings(self) -> Any:
        """The shards."""
        return [shard.model_dump(mode="json") for shard in self.build.header.shards]

    def upstream(self) -> Sequence[BuildStage]:
        """The remade pairs."""
        return (AlignStage(self.build),)

    def reduce(self) -> Iterator[ChunkWriter]:
        """The header's shards in its order, the pairs in the order of the manifest's lines."""
        placed: dict[str, list[RemadePair]] = defaultdict(list)
        for record in AlignStage(self.build).records(RemadePair):
            placed[record.pair.shard].append(record)
        lost = self._losses()
        # where all was taken down, an empty dataset is what was asked for
        if not placed and set(lost) != {Reason.TAKEN_DOWN}:
            reasons = ", ".join(f"{number} {reason}" for reason, number in lost.most_common())
            private = (
                " (--private-host where they lie in a network of your own)" if Reason.PRIVATE_ADDRESS in lost else ""
            )
            raise DatasetError(
                f"{self.build.folder}: no pair could be made again ({reasons}). "
                f"Give --archive or --map-url where the reals are elsewhere now{private}, and run the command again."
            )
        for index, shard in enumerate(self.build.header.shards):
            chunk = self.store.writer(index)
            for record in sorted(placed[shard.name], key=lambda record: record.line):
                chunk.seen += 1
                chunk.add(record)
            yield chunk

    def _losses(self) -> Counter[Reason]:
        """Why pairs are missing."""
        stages = (ListStage, RealsStage, FrameStage, AlignStage)
        lost: Counter[Reason] = Counter()
        for stage in (*(kind(self.build) for kind in stages), *generate_stages(self.build)):
            for marker in stage.store.markers():
                lost.update(marker.rejected)
        return lost

    def shard(self, index: int) -> ShardInfo | None:
        """What stands of one of the header's shards; None where nothing does."""
        marker = self.store.marker(index)
        if marker is None or not marker.forwarded:
            return None
        return self.build.header.shards[index].model_copy(update={"pairs": marker.forwarded})
