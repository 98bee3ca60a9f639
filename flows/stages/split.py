"""split: each pair's split, group and place in the shards.

It comes after align because groups join equal captions and near-duplicate fakes, which exist only then, and because exact
counts then count pairs that are whole.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from flows.records import PlacedPair
from flows.stages.align import AlignStage
from flows.stages.base import BuildStage, ReduceStage
from flows.standing import FactsPart, ScreenedPart, StandingPair, of_stage, standing
from flows.tombstones import own
from manifests.accounts import shard_name
from manifests.chunk_writer import ChunkWriter
from manifests.erasure import erase
from manifests.errors import DatasetError, RejectedItem
from manifests.header import ShardInfo
from manifests.places import LinePlace
from manifests.records import SPLITS, History, JpegCoding, Reason, Split, Stage
from manifests.splits import Assignment
from manifests.spool import Spool
from manifests.tombstones import Tombstones
from pixels.jpeg import tables_digest

_FORM = 2
"""Of the records: those of an earlier form are made again."""


class SplitStage(ReduceStage):
    """Splits the pairs; each of its chunks is a shard."""

    label: ClassVar[Stage] = "split"

    def settings(self) -> Any:
        """How pairs are split, how many are wanted and how many make a shard; what was taken down."""
        recipe = self.build.recipe
        views = [view.name for view in recipe.views]
        return [
            recipe.split.model_dump(mode="json"),
            recipe.shards.pairs,
            recipe.seed_salt,
            views,
            recipe.alignment.mode,
            recipe.target_pairs,
            own(self.build).digest,
            _FORM,
        ]

    def upstream(self) -> Sequence[BuildStage]:
        """The aligned pairs."""
        return (AlignStage(self.build),)

    def reduce(self) -> Iterator[ChunkWriter]:
        """Shards by split and view, pairs in the order of their ids; the first chunk holds the rejects alone.

        What was taken down leaves a gap: all other pairs stay where they would be with it. The pairs are read once, and
        what is noted of them waits on this machine's disk until all have a split.
        """
        taken_down = own(self.build)
        erase(self.build.work, taken_down.keys)
        with Spool(_Noted) as noted, Spool(Assignment) as homes:
            sizes: Counter[tuple[Split, str]] = Counter()
            for home, view in self._homes(noted, taken_down):
                homes.append(home)
                if home.split is not None:
                    sizes[home.split, view] += 1
            if not sizes:
                raise DatasetError(
                    "no pair is left: every image was dropped. `twinset status` counts the reasons by stage."
                )
            yield from self._shards(zip(noted, homes, strict=True), sizes)

    def _homes(self, noted: Spool["_Noted"], taken_down: Tombstones) -> Iterator[tuple[Assignment, str]]:
        """Each pair's home and view; what the shards need to know of the pairs is noted."""
        views = array("B")
        numbers = {view.name: number for number, view in enumerate(self.build.recipe.views)}

        def pairs() -> Iterator[_AlignedPair]:
            for place, pair in of_stage(AlignStage(self.build), _AlignedPair):
                views.append(numbers[pair.frame.view])
                noted.append(self._noted(place, pair, taken_down))
                yield pair

        names = list(numbers)
        # the first home is known once all pairs have been read
        for number, home in enumerate(standing(self.build, pairs())):
            yield home, names[views[number]]

    def _noted(self, place: LinePlace, pair: "_AlignedPair", taken_down: Tombstones) -> "_Noted":
        naive, alone = self.build.recipe.alignment.mode == "naive", pair.frame.framing == "single"
        unequal = naive or alone or any(fake.method == "retrieve" for fake in pair.fakes.values())
        tables, subsampling = _coding(bytes(pair.history))
        return _Noted(
            aligned=place,
            history="unequal" if unequal else "equal" if tables else "none",
            jpeg_subsampling=subsampling,
            jpeg_tables=tables,
            own_tables=None if bytes(pair.screened.coding) == _NONE else pair.screened.facts.jpeg_tables,
            pair_id=pair.pair_id,
            taken_down=taken_down.rejection(*pair.images).detail if taken_down.covers(*pair.images) else None,
            view=pair.frame.view,
        )

    def _shards(
        self, pairs: Iterable[tuple["_Noted", Assignment]], sizes: Mapping[tuple[Split, str], int]
    ) -> Iterator[ChunkWriter]:
        """One shard of each split and view is filled at a time."""
        rejects = self.store.writer(0)
        chunks = self._first_chunks(sizes)
        room = self.build.recipe.shards.pairs
        encode = msgspec.json.Encoder().encode
        placed: Counter[tuple[Split, str]] = Counter()
        filling: dict[tuple[Split, str], ChunkWriter] = {}
        for pair, home in pairs:
            if home.split is None:
                rejects.seen += 1
                rejects.reject(pair.pair_id, _rejected(home))
                continue
            place = home.split, pair.view
            number, before = divmod(placed[place], room)
            if before == 0:
                filling[place] = self.store.writer(chunks[place] + number)
            if pair.taken_down is not None:
                rejects.seen += 1
                rejects.reject(pair.pair_id, RejectedItem(Reason.TAKEN_DOWN, pair.taken_down))
            else:
                shard = shard_name(*place, number, views=len(self.build.recipe.views))
                filling[place].seen += 1
                filling[place].add_line(encode(_placed(pair, home.group_id, home.split, shard)))
            placed[place] += 1
            if before + 1 == room or placed[place] == sizes[place]:
                yield filling.pop(place)
        yield rejects

    def _first_chunks(self, sizes: Mapping[tuple[Split, str], int]) -> dict[tuple[Split, str], int]:
        """The chunk that the first shard of each split and view is; shards stand by split, then in the recipe's order of views."""
        first, chunks = 1, {}
        for place in ((split, view.name) for split in SPLITS for view in self.build.recipe.views):
            chunks[place] = first
            first += math.ceil(sizes.get(place, 0) / self.build.recipe.shards.pairs)
        return chunks

    def placed(self, index: int) -> Iterator[PlacedPair]:
        """The pairs of a shard, in its order."""
        return map(_parsed, self.store.lines(index))

    def shard(self, index: int) -> ShardInfo | None:
        """What chunk `index` is as a shard; None for the chunk of rejects."""
        first = next(self.placed(index), None)
        marker = self.store.marker(index)
        if first is None or marker is None:
            return None
        return ShardInfo(name=first.shard, split=first.split, view=first.view, pairs=marker.forwarded)


_parsed = msgspec.json.Decoder(PlacedPair).decode
_NONE = b"null"


class _CodedFacts(FactsPart, frozen=True, kw_only=True):
    jpeg_tables: str = ""


class _CodedImage(ScreenedPart, frozen=True, kw_only=True):
    facts: _CodedFacts
    coding: msgspec.Raw


class _AlignedPair(StandingPair, frozen=True, kw_only=True):
    """What the stage reads of an `AlignedPair`."""

    screened: _CodedImage
    history: msgspec.Raw


class _Noted(msgspec.Struct, frozen=True, gc=False):
    """A `PlacedPair` that has no place yet; and why it was taken down, if it was."""

    aligned: LinePlace
    history: History
    jpeg_subsampling: str
    jpeg_tables: str
    own_tables: str | None
    pair_id: str
    taken_down: str | None
    view: str


def _placed(pair: _Noted, group_id: str, split: Split, shard: str) -> PlacedPair:
    return PlacedPair(
        aligned=pair.aligned,
        group_id=group_id,
        history=pair.history,
        jpeg_subsampling=pair.jpeg_subsampling,
        jpeg_tables=pair.jpeg_tables,
        own_tables=pair.own_tables,
        pair_id=pair.pair_id,
        shard=shard,
        split=split,
        view=pair.view,
    )


@lru_cache(maxsize=4096)
def _coding(line: bytes) -> tuple[str, str]:
    """The digest of a coding's tables, and its subsampling; most photographs share theirs with many others."""
    if line == _NONE:
        return "", ""
    coding = JpegCoding.model_validate_json(line)
    return tables_digest(coding.tables), coding.subsampling


def _rejected(home: Assignment) -> RejectedItem:
    if home.reason is None:
        raise ValueError(f"{home.key} has neither a split nor a reason")
    return RejectedItem(home.reason, home.detail)
