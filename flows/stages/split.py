"""split: each pair's split, group and place in the shards.

It comes after align because groups join equal captions and near-duplicate fakes, which exist only then, and because exact
counts then count pairs that are whole.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from flows.records import AlignedPair, PlacedPair
from flows.stages.align import AlignStage
from flows.stages.base import BuildStage, ReduceStage
from flows.standing import StandingPair, of_stage, standing
from flows.tombstones import own
from manifests.accounts import shard_name
from manifests.chunks import ChunkWriter
from manifests.erasure import erase
from manifests.errors import DatasetError, RejectedItem
from manifests.header import ShardInfo
from manifests.records import SPLITS, Pair, Split, Stage
from manifests.splits import Assignment
from pixels.jpeg import tables_digest


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
        ]

    def upstream(self) -> Sequence[BuildStage]:
        """The aligned pairs."""
        return (AlignStage(self.build),)

    def reduce(self) -> Iterator[ChunkWriter]:
        """Shards by split and view, pairs in the order of their ids; the first chunk holds the rejects alone.

        What was taken down leaves a gap: all other pairs stay where they would be with it. The pairs are read twice, and
        a shard of each split and view is filled at a time: no more of them are held than are in those.
        """
        taken_down = own(self.build)
        erase(self.build.work, taken_down.keys)
        aligned = AlignStage(self.build)
        places = list(standing(self.build, of_stage(aligned, StandingPair)))
        sizes = Counter((home.split, view) for view, home in places if home.split is not None)
        if not sizes:
            raise DatasetError(
                "no pair is left: every image was dropped. `twinset status` counts the reasons by stage."
            )
        rejects = self.store.writer(0)
        chunks = self._first_chunks(sizes)
        room = self.build.recipe.shards.pairs
        placed: Counter[tuple[Split, str]] = Counter()
        filling: dict[tuple[Split, str], ChunkWriter] = {}
        for pair, (view, home) in zip(of_stage(aligned, AlignedPair), places, strict=True):
            if home.split is None:
                rejects.seen += 1
                rejects.reject(pair.pair_id, _rejected(home))
                continue
            place = home.split, view
            number, before = divmod(placed[place], room)
            if before == 0:
                filling[place] = self.store.writer(chunks[place] + number)
            if taken_down.covers(*pair.images):
                rejects.seen += 1
                rejects.reject(pair.pair_id, taken_down.rejection(*pair.images))
            else:
                shard = shard_name(*place, number, views=len(self.build.recipe.views))
                filling[place].seen += 1
                filling[place].add(self._placed(pair, home, shard))
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

    def _placed(self, pair: AlignedPair, home: Assignment, shard: str) -> PlacedPair:
        if home.split is None:
            raise ValueError(f"{home.key} has no split")
        naive, alone = self.build.recipe.alignment.mode == "naive", pair.frame.framing == "single"
        unequal = naive or alone or any(fake.method == "retrieve" for fake in pair.fakes.values())
        return PlacedPair(
            pair=Pair(
                pair_id=pair.pair_id,
                group_id=home.group_id,
                split=home.split,
                image=pair.screened.image,
                facts=pair.screened.facts,
                frame=pair.frame,
                caption=pair.caption,
                fakes=pair.fakes,
                history="unequal" if unequal else "equal" if pair.history else "none",
                jpeg_tables=_digest_of(pair.history.tables) if pair.history else "",
                jpeg_subsampling=pair.history.subsampling if pair.history else "",
                encoding=pair.encoding,
                members=pair.members,
                shard=shard,
            ),
            own=pair.screened.coding,
            history=pair.history,
            blobs=pair.blobs,
        )

    def shard(self, index: int) -> ShardInfo | None:
        """What chunk `index` is as a shard; None for the chunk of rejects."""
        first = next(self.store.records(index, PlacedPair), None)
        marker = self.store.marker(index)
        if first is None or marker is None:
            return None
        pair = first.pair
        return ShardInfo(name=pair.shard, split=pair.split, view=pair.frame.view, pairs=marker.forwarded)


@lru_cache(maxsize=4096)
def _digest_of(tables: tuple[tuple[int, ...], ...]) -> str:
    """The digest of quantisation tables; most photographs share theirs with many others."""
    return tables_digest(tables)


def _rejected(home: Assignment) -> RejectedItem:
    if home.reason is None:
        raise ValueError(f"{home.key} has neither a split nor a reason")
    return RejectedItem(home.reason, home.detail)
