"""manifest: the dataset's own account of itself; every file but the audit's and the index."""

import importlib.metadata
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.placed import PlacedPairs
from flows.stages.align import AlignStage, encoder_versions
from flows.stages.base import BuildStage, ReduceStage, Unit
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage
from flows.stages.generate import with_retrieval
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from flows.stages.safety import safety_stages
from flows.stages.safety_fakes import fake_safety_stages
from flows.stages.screen import ScreenStage
from flows.stages.select import SelectStage
from flows.stages.shards import ShardsStage
from flows.stages.split import SplitStage
from manifests.accounts import in_order, write_accounts, write_rejects
from manifests.chunk_writer import ChunkWriter
from manifests.files import WrittenFile, describe
from manifests.header import Header
from manifests.records import Reject, Stage
from manifests.tables import write_provenance

_SHARD_NAME = re.compile(r"(train|validation|test)(-[a-z0-9_]+)?-\d{6}\.tar")


class ManifestStage(ReduceStage):
    """Writes manifest, rejects, provenance, attribution, card and Croissant description."""

    label: ClassVar[Stage] = "manifest"
    unit: ClassVar[Unit] = "files"

    def settings(self) -> Any:
        """The whole recipe and the encoders: the header holds them."""
        return [self.build.recipe.model_dump(mode="json"), encoder_versions()]

    def upstream(self) -> Sequence[BuildStage]:
        """Every stage: the pairs come from `split`, the rejects from all."""
        return stages_before_manifest(self.build)

    def pending(self) -> list[int]:
        """One piece of work while a file is missing or not of its recorded size."""
        return super().pending() or ([] if self.is_written(0) else [0])

    def reduce(self) -> Iterator[ChunkWriter]:
        """Write the files, the manifest last: whoever sees it sees them all."""
        self.build.withdraw("manifest.jsonl")
        folder = self.build.dataset
        written = list(ShardsStage(self.build).records(WrittenFile))
        self._remove_others({file.name for file in written})
        write_provenance(folder, self._provenance())
        write_rejects(folder, self._rejects())
        header = self._header()
        pairs = PlacedPairs(self.build).lines()
        accounts = write_accounts(
            folder,
            header,
            pairs,
            {file.name: file.sha256 for file in written},
            with_singles=bool({shard.view for shard in header.shards} & self._single_views()),
        )
        others = [describe(folder, name) for name in ("provenance.parquet", "rejects.jsonl")]
        yield self.files_chunk([*accounts, *others])

    def _header(self) -> Header:
        recipe = self.build.recipe
        split = SplitStage(self.build)
        shards = [shard for index in range(split.count() or 0) if (shard := split.shard(index)) is not None]
        return Header(
            twinset=importlib.metadata.version("twinset"),
            name=recipe.name,
            salt=recipe.seed_salt,
            recipe=recipe.model_dump(mode="json"),
            generators=[generator.name for generator in recipe.generators],
            views=[view.name for view in recipe.views],
            pairs_per_shard=recipe.shards.pairs,
            shards=shards,
            encoders=encoder_versions(),
            jpeg_tables=PlacedPairs(self.build).jpeg_tables(),
        )

    def _single_views(self) -> set[str]:
        return {view.name for view in self.build.recipe.views if view.is_single}

    def _rejects(self) -> Iterator[Reject]:
        for stage in self.upstream():
            yield from in_order(reject for index in range(stage.count() or 0) for reject in stage.store.rejects(index))

    def _provenance(self) -> Iterator[dict[str, Any]]:
        for stage in self.upstream():
            for index, started, ended in stage.store.times():
                yield {
                    "stage": stage.name,
                    "chunk": index,
                    "started": int(started * 1000),
                    "ended": int(ended * 1000),
                    "note": stage.note(index),
                }

    def _remove_others(self, names: set[str]) -> None:
        """Remove shards that an earlier recipe left in the folder."""
        for name in self.build.dataset.child("shards").names():
            if _SHARD_NAME.fullmatch(name) and f"shards/{name}" not in names:
                self.build.dataset.remove(f"shards/{name}")


def stages_before_manifest(build: Any) -> list[BuildStage]:
    """All stages up to the shards, from left to right."""
    return [
        ListStage(build),
        RealsStage(build),
        ScreenStage(build),
        SelectStage(build),
        *safety_stages(build),
        FrameStage(build),
        CaptionStage(build),
        *with_retrieval(build),
        *fake_safety_stages(build),
        AlignStage(build),
        SplitStage(build),
        ShardsStage(build),
    ]
