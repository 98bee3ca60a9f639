"""split: each pair's split, group and place in the shards.

It comes after align because groups join equal captions and near-duplicate fakes, which exist only then, and because exact
counts then count pairs that are whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.records import AlignedPair, PlacedPair
from flows.stages.align import AlignStage
from flows.stages.base import BuildStage, ReduceStage
from manifests.chunks import ChunkWriter, slices
from manifests.errors import DatasetError, RejectedItem
from manifests.header import ShardInfo
from manifests.records import SPLITS, Pair, Split, Stage
from manifests.splits import Assignment, Item, assign
from pixels.jpeg import tables_digest


class SplitStage(ReduceStage):
    """Splits the pairs; each of its chunks is a shard."""

    label: ClassVar[Stage] = "split"

    def settings(self) -> Any:
        """How pairs are split, and how many make a shard."""
        recipe = self.build.recipe
        views = [view.name for view in recipe.views]
        return [
            recipe.split.model_dump(mode="json"),
            recipe.shards.pairs,
            recipe.seed_salt,
            views,
            recipe.alignment.mode,
        ]

    def upstream(self) -> Sequence[BuildStage]:
        """The aligned pairs."""
        return (AlignStage(self.build),)

    def reduce(self) -> Iterator[ChunkWriter]:
        """Shards by split and view, pairs in the order of their ids; the last chunk holds the rejects alone."""
        aligned = AlignStage(self.build)
        pairs = [pair for index in range(aligned.count() or 0) for pair in aligned.store.records(index, AlignedPair)]
        homes = {home.key: home for home in assign(_items(pairs), self.build.recipe.split, self.build.recipe.seed_salt)}
        placed: dict[tuple[Split, str], list[AlignedPair]] = defaultdict(list)
        rejects = self.store.writer(0)
        for pair in sorted(pairs, key=lambda pair: pair.pair_id):
            home = homes[pair.screened.real.key]
            if home.split is None:
                rejects.seen += 1
                rejects.reject(pair.pair_id, _rejected(home))
            else:
                placed[home.split, pair.frame.view].append(pair)
        if not placed:
            raise DatasetError(
                "no pair is left: every image was dropped. `twinset status` counts the reasons by stage."
            )
        yield rejects
        index = 1
        for split in SPLITS:
            for view in self.build.recipe.views:
                for number, batch in enumerate(slices(placed[split, view.name], self.build.recipe.shards.pairs)):
                    chunk = self.store.writer(index)
                    shard = self._shard_name(split, view.name, number)
                    for pair in batch:
                        chunk.seen += 1
                        chunk.add(self._placed(pair, homes[pair.screened.real.key], shard))
                    yield chunk
                    index += 1

    def _shard_name(self, split: Split, view: str, number: int) -> str:
        """`train-000000.tar`; with several views `train-<view>-000000.tar`, so that a shard set has one list of fields."""
        middle = "" if len(self.build.recipe.views) == 1 else f"-{view}"
        return f"{split}{middle}-{number:06d}.tar"

    def _placed(self, pair: AlignedPair, home: Assignment, shard: str) -> PlacedPair:
        if home.split is None:
            raise ValueError(f"{home.key} has no split")
        unequal = self.build.recipe.alignment.mode == "naive"
        return PlacedPair(
            pair=Pair(
                pair_id=pair.pair_id,
                group_id=home.group_id,
                split=home.split,
                real=pair.screened.real,
                facts=pair.screened.facts,
                frame=pair.frame,
                caption=pair.caption,
                fakes=pair.fakes,
                history="unequal" if unequal else "equal" if pair.history else "none",
                jpeg_tables=tables_digest(pair.history.tables) if pair.history else "",
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


def _items(pairs: Sequence[AlignedPair]) -> Iterator[Item]:
    """One item a real, with what all of its views bring."""
    by_key: dict[str, list[AlignedPair]] = defaultdict(list)
    for pair in pairs:
        by_key[pair.screened.real.key].append(pair)
    for key, views in by_key.items():
        yield Item(
            key=key,
            class_label=views[0].screened.real.class_label,
            captions=tuple(pair.caption.cleaned for pair in views),
            phash=int(views[0].screened.facts.phash, 16),
            fake_phashes=tuple(
                int(phash, 16) for pair in views for name, phash in pair.phashes.items() if name != "real"
            ),
        )


def _rejected(home: Assignment) -> RejectedItem:
    if home.reason is None:
        raise ValueError(f"{home.key} has neither a split nor a reason")
    return RejectedItem(home.reason, home.detail)
