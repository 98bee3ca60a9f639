"""select: which of the screened images are used, in key order, without duplicates and without what was taken down."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import msgspec
import numpy as np

from flows.stages.base import BuildStage, ReduceStage, Unit
from flows.stages.screen import ScreenStage
from flows.target import SPARE, wanted_chunks
from flows.tombstones import listed
from manifests import canonical
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.neighbourhoods import FirstNear, Neighbourhoods
from manifests.parts import ImagePart, Part
from manifests.records import JpegCoding, Reason, Stage
from manifests.seeds import fraction
from manifests.sorting import SortedLines
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
        """Chunks in key order; a chunk also holds the rejects that fell between its items.

        The records are gone through twice in key order, and not held: once to decide, once to write.
        """
        with SortedLines() as lines:
            alike = self._put_in_order(lines)
            verdicts: list[RejectedItem | None] = []
            pools: dict[str, Counter[bytes]] = defaultdict(Counter)
            for record, verdict in self._judged((record for record, _ in _records(lines)), alike):
                verdicts.append(verdict)
                if verdict is None and record.image.is_real and (coding := bytes(record.coding)) != _NONE:
                    pools[record.image.source][coding] += 1
            yield from self._chunks(zip(_records(lines), verdicts, strict=True), _expanded(pools))

    def _put_in_order(self, lines: SortedLines) -> dict[str, Neighbourhoods]:
        """Sort what was screened by key; which images look alike, by what made them.

        A fake may look like the real that it was made from, and like other models' fakes of it.
        """
        hashes: dict[str, array[int]] = defaultdict(lambda: array("Q"))
        screen = ScreenStage(self.build)
        for index in range(screen.count() or 0):
            for line in screen.store.lines(index):
                record = _parsed(line)
                lines.add(record.image.key, line)
                if record.facts.phash:
                    hashes[_maker(record)].append(int(record.facts.phash, 16))
        radius = self.build.recipe.select.radius
        return {maker: Neighbourhoods(np.frombuffer(found, np.uint64), radius) for maker, found in hashes.items()}

    def _judged(
        self, records: Iterable["_Screened"], alike: Mapping[str, Neighbourhoods]
    ) -> Iterator[tuple["_Screened", RejectedItem | None]]:
        """Greedy in key order against what was kept; what was taken down is no longer there to be a duplicate of."""
        taken_down = listed(self.build)
        near = {maker: FirstNear(neighbourhoods) for maker, neighbourhoods in alike.items()}
        limit = self.build.recipe.select.limit
        kept, last_key = 0, ""
        for record in records:
            key, maker = record.image.key, _maker(record)
            phash = int(record.facts.phash, 16) if record.facts.phash else None
            if taken_down.covers(record.image):
                yield record, taken_down.rejection(record.image)
            elif key == last_key:
                yield record, RejectedItem(Reason.DUPLICATE, f"the same bytes again, as {record.image.source_id}")
            elif phash is not None and (earlier := near[maker].first(phash)) is not None:
                yield record, RejectedItem(Reason.NEAR_DUPLICATE, f"looks like {earlier}")
            elif limit is not None and kept == limit:
                yield record, RejectedItem(Reason.SURPLUS, f"the limit of {limit} images is reached")
            else:
                if phash is not None:
                    near[maker].add(key, phash)
                kept, last_key = kept + 1, key
                yield record, None

    def _chunks(
        self,
        judged: Iterable[tuple[tuple["_Screened", bytes], RejectedItem | None]],
        pools: Mapping[str, Sequence[bytes]],
    ) -> Iterator[ChunkWriter]:
        size, wanted = self.build.recipe.chunks.size, wanted_chunks(self.build)
        chunk, filled = self.store.writer(0), 0
        for (record, line), verdict in judged:
            # chunks before the last one are the same whether or not spares follow them
            if filled == size:
                yield chunk
                chunk, filled = self.store.writer(chunk.index + 1), 0
            chunk.seen += 1
            if verdict is not None:
                chunk.reject(record.image.key, verdict)
            elif wanted is not None and chunk.index >= wanted:
                chunk.reject(record.image.key, RejectedItem(Reason.SURPLUS, SPARE))
            else:
                chunk.add_line(b'{"histories":{%b},"screened":%b}' % (self._histories(record, pools), line))
                filled += 1
        yield chunk

    def _histories(self, record: "_Screened", pools: Mapping[str, Sequence[bytes]]) -> bytes:
        """The fields of a `SelectedImage`'s histories, as canonical JSON has them."""
        pool = pools.get(record.image.source, [])
        salt = self.build.recipe.seed_salt
        histories = {
            view.name: pool[int(fraction(salt, f"{record.image.key}-{view.name}", "history") * len(pool))]
            for view in self._scene_views()
            if pool and view.takes(record.image)
        }
        # a view's name needs no escape
        return b",".join(b'"%b":%b' % (name.encode(), histories[name]) for name in sorted(histories))


_NONE = b"null"


class _ListedImage(ImagePart, frozen=True, kw_only=True):
    source_id: str


class _Facts(Part, frozen=True, kw_only=True):
    phash: str = ""


class _Screened(Part, frozen=True, kw_only=True):
    """What decides of a `ScreenedImage`; all else of it is carried on as the bytes that it is."""

    coding: msgspec.Raw
    facts: _Facts
    image: _ListedImage


_parsed = msgspec.json.Decoder(_Screened).decode


def _maker(record: _Screened) -> str:
    """What made an image; empty for a real one, and for a prompt."""
    return record.image.made.generator if record.image.made else ""


def _records(lines: SortedLines) -> Iterator[tuple[_Screened, bytes]]:
    """The records, with their lines, in the order of their keys; the same bytes by source, and by the source's own name."""
    records = ((_parsed(line), line) for line in lines)
    for _, same in groupby(records, key=lambda entry: entry[0].image.key):
        yield from sorted(same, key=lambda entry: (entry[0].image.source, entry[0].image.source_id))


def _expanded(pools: Mapping[str, Counter[bytes]]) -> dict[str, list[bytes]]:
    """The codings of each source's JPEGs, as often as they occur, in an order of their own."""
    order = {source: sorted(counter, key=_by_coding) for source, counter in pools.items()}
    return {source: [c for c in order[source] for _ in range(counter[c])] for source, counter in pools.items()}


def _by_coding(line: bytes) -> tuple[str, tuple[tuple[int, ...], ...]]:
    coding = JpegCoding.model_validate_json(line)
    return coding.subsampling, coding.tables
