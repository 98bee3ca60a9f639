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
from flows.standing import standing
from flows.tombstones import own
from manifests.accounts import shard_name
from manifests.chunks import ChunkWriter, slices
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

        What was taken down leaves a gap: all other pairs stay where they would be with it.
        """
        taken_down = own(self.build)
        erase(self.build.work, taken_down.keys)
        rejects = self.store.writer(0)
        shards: dict[tuple[Split, str], list[tuple[AlignedPair, Assignment]]] = defaultdict(list)
        for pair, home in standing(self.build, AlignStage(self.build).records(AlignedPair)):
            if home.split is None:
                rejects.seen += 1
                rejects.reject(pair.pair_id, _rejected(home))
            else:
                shards[home.split, pair.frame.view].append((pair, home))
                if taken_down.covers(*pair.images):
                    rejects.seen += 1
                    rejects.reject(pair.pair_id, taken_down.rejection(*pair.images))
        if not shards:
            raise DatasetError(
                "no pair is left: every image was dropped. `twinset status` counts the reasons by stage."
            )
        yield rejects
        index = 1
        views = self.build.recipe.views
        for split, view in ((split, view.name) for split in SPLITS for view in views):
            for number, batch in enumerate(slices(shards[split, view], self.build.recipe.shards.pairs)):
                chunk = self.store.writer(index)
                shard = shard_name(split, view, number, views=len(views))
                for pair, home in batch:
                    if not taken_down.covers(*pair.images):
                        chunk.seen += 1
                        chunk.add(self._placed(pair, home, shard))
                yield chunk
                index += 1

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


def _rejected(home: Assignment) -> RejectedItem:
    if home.reason is None:
        raise ValueError(f"{home.key} has neither a split nor a reason")
    return RejectedItem(home.reason, home.detail)
