"""select: which of the screened images are used, in key order, without duplicates and without what was taken down."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.records import ScreenedImage, SelectedImage
from flows.stages.base import BuildStage, ReduceStage, Unit
from flows.stages.screen import ScreenStage
from flows.target import SPARE, wanted_chunks
from flows.tombstones import listed
from manifests import canonical
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.near_duplicates import NearDuplicates
from manifests.records import JpegCoding, Reason, Stage
from manifests.seeds import fraction
from pixels.config import ViewRules


class SelectStage(ReduceStage):
    """Drops duplicates, and draws each scene pair's JPEG history from the pool of its source's own reals."""

    label: ClassVar[Stage] = "select"
    unit: ClassVar[Unit] = "images"

    def settings(self) -> Any:
        """Radius, limit, chunk size, the views that draw from the pool, and what was taken down."""
        recipe = self.build.recipe
        taken_down = listed(self.build).digest
        views = [[view.name, *view.sources] for view in self._scene_views()]
        return [recipe.select.model_dump(), recipe.chunks.size, recipe.seed_salt, views, taken_down]

    def upstream(self) -> Sequence[BuildStage]:
        """The screened images."""
        return (ScreenStage(self.build),)

    def inputs(self) -> str:
        """The screened images; and how many chunks of them the target asks for, where there is one."""
        return canonical.digest([super().inputs(), wanted_chunks(self.build)])

    def _scene_views(self) -> list[ViewRules]:
        return [view for view in self.build.recipe.views if view.framing == "scene"]

    def reduce(self) -> Iterator[ChunkWriter]:
        """Chunks in key order; a chunk also holds the rejects that fell between its items."""
        kept: list[ScreenedImage | tuple[str, RejectedItem]] = list(self._without_duplicates())
        pools = _pools(entry for entry in kept if isinstance(entry, ScreenedImage) and entry.image.is_real)
        size, wanted = self.build.recipe.chunks.size, wanted_chunks(self.build)
        chunk, filled = self.store.writer(0), 0
        for entry in kept:
            # chunks before the last one are the same whether or not spares follow them
            if filled == size:
                yield chunk
                chunk, filled = self.store.writer(chunk.index + 1), 0
            chunk.seen += 1
            if not isinstance(entry, ScreenedImage):
                chunk.reject(*entry)
            elif wanted is not None and chunk.index >= wanted:
                chunk.reject(entry.image.key, RejectedItem(Reason.SURPLUS, SPARE))
            else:
                chunk.add(self._with_histories(entry, pools))
                filled += 1
        yield chunk

    def _without_duplicates(self) -> Iterator[ScreenedImage | tuple[str, RejectedItem]]:
        """Greedy in key order against what was kept; what was taken down is no longer there to be a duplicate of."""
        taken_down = listed(self.build)
        screened = list(ScreenStage(self.build).records(ScreenedImage))
        screened.sort(key=lambda record: (record.image.key, record.image.source, record.image.source_id))
        # a fake may look like the real that it was made from, and like other models' fakes of it
        near: dict[str, NearDuplicates] = defaultdict(lambda: NearDuplicates(self.build.recipe.select.radius))
        limit = self.build.recipe.select.limit
        kept, last_key = 0, ""
        for record in screened:
            key, made = record.image.key, record.image.made
            phash = int(record.facts.phash, 16) if record.facts.phash else None
            alike = near[made.generator if made else ""]
            if taken_down.covers(record.image):
                yield key, taken_down.rejection(record.image)
            elif key == last_key:
                yield key, RejectedItem(Reason.DUPLICATE, f"the same bytes again, as {record.image.source_id}")
            elif neighbours := alike.neighbours(phash) if phash is not None else []:
                yield key, RejectedItem(Reason.NEAR_DUPLICATE, f"looks like {neighbours[0]}")
            elif limit is not None and kept == limit:
                yield key, RejectedItem(Reason.SURPLUS, f"the limit of {limit} images is reached")
            else:
                if phash is not None:
                    alike.add(key, phash)
                kept, last_key = kept + 1, key
                yield record

    def _with_histories(self, record: ScreenedImage, pools: dict[str, list[JpegCoding]]) -> SelectedImage:
        pool = pools.get(record.image.source, [])
        salt = self.build.recipe.seed_salt
        histories = {
            view.name: pool[int(fraction(salt, f"{record.image.key}-{view.name}", "history") * len(pool))]
            for view in self._scene_views()
            if pool and view.takes(record.image)
        }
        return SelectedImage(screened=record, histories=histories)


def _pools(records: Iterator[ScreenedImage]) -> dict[str, list[JpegCoding]]:
    """The codings of each source's JPEGs, as often as they occur, in an order of their own."""
    counts: dict[str, Counter[JpegCoding]] = defaultdict(Counter)
    for record in records:
        if record.coding is not None:
            counts[record.image.source][record.coding] += 1
    order = {source: sorted(counter, key=lambda c: (c.subsampling, c.tables)) for source, counter in counts.items()}
    return {source: [c for c in order[source] for _ in range(counter[c])] for source, counter in counts.items()}
