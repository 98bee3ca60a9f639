"""frame: the recorded window of each real."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, ClassVar

from flows.rebuilding.listing import ListStage, RebuildMap
from flows.rebuilding.reals import RealsStage
from flows.rebuilding.records import CutReal, FetchedReal
from flows.stages.base import BuildStage
from manifests.chunk_writer import ChunkWriter
from manifests.chunks import StageStore
from manifests.errors import RejectedItem
from manifests.records import Pair, Reason, Stage
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.encode import png
from pixels.frame import Framed, cut, framed_from_region


class FrameStage(RebuildMap):
    """Cuts one chunk of reals as the manifest says."""

    label: ClassVar[Stage] = "frame"

    def settings(self) -> Any:
        """The largest image that is decoded; all else stands in the pairs."""
        return self.build.recipe.screen.max_pixels

    def upstream(self) -> Sequence[BuildStage]:
        """The reals, and the windows."""
        return (RealsStage(self.build), ListStage(self.build))

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Cut each pair's window; a real is decoded once for all of its views."""
        reals, pairs = RealsStage(self.build).store, self.published(index)
        for blob, group in groupby(reals.records(index, FetchedReal), key=lambda record: record.blob):
            records = list(group)
            chunk.seen += len(records)
            if pairs[records[0].pair_id].pair.image.is_prompt:
                for record in records:
                    chunk.add(CutReal(pair_id=record.pair_id, region=None))
                continue
            try:
                stored = self._decoded(reals.read_blob(blob), pairs[records[0].pair_id].pair)
            except RejectedItem as rejected:
                for record in records:
                    chunk.reject(record.pair_id, rejected)
                continue
            for record in records:
                pair = pairs[record.pair_id].pair
                if stored.shape[:2] != (pair.facts.height, pair.facts.width):
                    detail = f"{stored.shape[1]}x{stored.shape[0]} pixels, the manifest says {pair.facts.width}x{pair.facts.height}"
                    chunk.reject(record.pair_id, RejectedItem(Reason.DIGEST_MISMATCH, detail))
                    continue
                region = png(cut(stored, pair.facts, pair.frame).region)
                chunk.add(CutReal(pair_id=record.pair_id, region=chunk.blob(record.pair_id, region)))

    def _decoded(self, data: bytes, pair: Pair) -> Pixels:
        stored = decode(data, max_pixels=self.build.recipe.screen.max_pixels)
        height, width = stored.shape[:2]
        if (width, height) != (pair.facts.width, pair.facts.height):
            raise RejectedItem(
                Reason.DIGEST_MISMATCH,
                f"{width}x{height} pixels, the manifest says {pair.facts.width}x{pair.facts.height}",
            )
        return stored


def framed(store: StageStore, record: CutReal, pair: Pair) -> Framed:
    """What a pair shows, read back from the stage's store.

    Raises:
        ValueError: it is a prompt, which shows nothing yet.
    """
    if record.region is None:
        raise ValueError(f"{record.pair_id} has no pixels")
    return framed_from_region(decode(store.read_blob(record.region)), pair.frame)
