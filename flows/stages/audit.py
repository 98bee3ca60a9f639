"""audit: is the dataset honest? Its report, then the index, the last file of all."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.stages.base import BuildStage, ReduceStage, Unit
from flows.stages.manifest import ManifestStage, stages_before_manifest
from manifests import canonical
from manifests.chunk_writer import ChunkWriter
from manifests.dataset import Dataset
from manifests.files import WrittenFile, describe
from manifests.index import write_index
from manifests.records import Stage

REPORT = "reports/audit.json"


class AuditStage(ReduceStage):
    """Audits the dataset and seals it."""

    label: ClassVar[Stage] = "audit"
    unit: ClassVar[Unit] = "files"

    def settings(self) -> Any:
        """The audit's configuration."""
        return self.build.recipe.audit.model_dump(mode="json")

    def upstream(self) -> Sequence[BuildStage]:
        """The finished dataset."""
        return (ManifestStage(self.build),)

    def pending(self) -> list[int]:
        """One piece of work while the report or the index is missing."""
        return super().pending() or ([] if self.is_written(0) else [0])

    def reduce(self) -> Iterator[ChunkWriter]:
        """Write the report and the index."""
        from flows.audit import audit_dataset, open_embedder
        from flows.recaption import captions_of_build, open_recaptioner

        self.build.withdraw()
        folder = self.build.dataset
        dataset = Dataset.open(str(self.build.dataset))
        config = self.build.located(self.build.recipe.audit)
        captions = captions_of_build(self.build)
        report = audit_dataset(
            dataset, config, embedder=open_embedder(config), recaptioner=open_recaptioner(captions, config)
        )
        folder.write(REPORT, canonical.dumps(report))
        write_index(folder, report.gate, dataset.record_counts(), self.written())
        yield self.files_chunk(describe(folder, name) for name in (REPORT, "index.json", "index.sha256"))

    def written(self) -> list[WrittenFile]:
        """The files that other stages have written and described."""
        manifest = self.upstream()[0]
        writing = [stage for stage in (manifest, *manifest.upstream()) if stage.unit == "files"]
        return [file for stage in writing for file in stage.records(WrittenFile)]


def build_stages(build: Any) -> list[BuildStage]:
    """All stages of a build, from left to right."""
    return [*stages_before_manifest(build), ManifestStage(build), AuditStage(build)]
