"""manifest: what stands, as its own manifest; and then the audit, as for every dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flows.rebuilding.align import AlignStage
from flows.rebuilding.archives import ArchivesStage
from flows.rebuilding.folder import RebuildFolder
from flows.rebuilding.frame import FrameStage
from flows.rebuilding.generate import generate_stages
from flows.rebuilding.listing import ListStage, RebuildReduce
from flows.rebuilding.placing import PlaceStage
from flows.rebuilding.reals import RealsStage
from flows.rebuilding.records import RemadePair
from flows.rebuilding.shards import ShardsStage
from flows.stages.align import encoder_versions
from flows.stages.audit import AuditStage
from flows.stages.base import BuildStage, Unit
from manifests.accounts import in_order, used_tables, write_accounts_of, write_rejects
from manifests.chunk_writer import ChunkWriter
from manifests.files import WrittenFile, describe
from manifests.header import Header
from manifests.records import Pair, Reject, Stage
from manifests.tables import write_provenance
from manifests.tombstones import TOMBSTONES


class ManifestStage(RebuildReduce):
    """Writes the dataset's own account of itself: every file but the audit's and the index."""

    label: ClassVar[Stage] = "manifest"
    unit: ClassVar[Unit] = "files"

    def settings(self) -> Any:
        """The manifest that it comes from, the encoders, and what was taken down."""
        return [self.build.request.manifest, encoder_versions(), self.build.tombstones.digest]

    def upstream(self) -> Sequence[BuildStage]:
        """Every stage: the pairs come from `split`, the rejects from all."""
        return stages_before_manifest(self.build)

    def pending(self) -> list[int]:
        """One piece of work while a file is missing or not of its recorded size."""
        return super().pending() or ([] if self.is_written(0) else [0])

    def reduce(self) -> Iterator[ChunkWriter]:
        """Write the files, the manifest last: whoever sees it sees them all."""
        self.build.withdraw("manifest.jsonl")
        folder, tombstones = self.build.dataset, self.build.tombstones
        others = ["provenance.parquet", "rejects.jsonl"]
        if tombstones:
            tombstones.write(folder)
            others.append(TOMBSTONES)
        write_provenance(folder, self._provenance())
        write_rejects(folder, self._rejects())
        shards = {file.name: file.sha256 for file in ShardsStage(self.build).records(WrittenFile)}
        accounts = write_accounts_of(folder, self._header(), self._pairs, shards)
        yield self.files_chunk([*accounts, *(describe(folder, name) for name in others)])

    def _header(self) -> Header:
        """The published header, for what stands."""
        header, place = self.build.header, PlaceStage(self.build)
        shards = [shard for index in range(place.count() or 0) if (shard := place.shard(index)) is not None]
        tables = used_tables(header, self._pairs())
        return header.model_copy(update={"shards": shards, "encoders": encoder_versions(), "jpeg_tables": tables})

    def _pairs(self) -> Iterator[Pair]:
        return (record.pair for record in PlaceStage(self.build).records(RemadePair))

    def _rejects(self) -> Iterator[Reject]:
        for stage in self.upstream():
            yield from in_order(reject for index in range(stage.count() or 0) for reject in stage.store.rejects(index))

    def _provenance(self) -> Iterator[dict[str, Any]]:
        for stage in self.upstream():
            for index, started, ended in stage.store.times():
                times = {"started": int(started * 1000), "ended": int(ended * 1000)}
                yield {"stage": stage.name, "chunk": index, **times, "note": ""}


@dataclass(frozen=True)
class RebuiltAuditStage(AuditStage):
    """Audits the rebuilt dataset and seals it."""

    build: RebuildFolder

    def upstream(self) -> Sequence[BuildStage]:
        """The finished dataset."""
        return (ManifestStage(self.build),)


def stages_before_manifest(build: Any) -> list[BuildStage]:
    """All stages up to the shards, from left to right."""
    return [
        ListStage(build),
        ArchivesStage(build),
        RealsStage(build),
        FrameStage(build),
        *generate_stages(build),
        AlignStage(build),
        PlaceStage(build),
        ShardsStage(build),
    ]


def rebuild_stages(build: Any) -> list[BuildStage]:
    """All stages of a rebuild, from left to right."""
    return [*stages_before_manifest(build), ManifestStage(build), RebuiltAuditStage(build)]
