"""archives: where the wanted reals lie in the local archives that were named; read through once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from flows.rebuilding.listing import ListStage, RebuildReduce
from flows.rebuilding.published import PublishedPair
from flows.stages.base import BuildStage, Unit
from manifests.chunk_writer import ChunkWriter
from manifests.records import Stage
from sources.archives import Found, find


class ArchivesStage(RebuildReduce):
    """Looks through all archives."""

    label: ClassVar[Stage] = "list"
    unit: ClassVar[Unit] = "images"

    @property
    def name(self) -> str:
        """Apart from the manifest's own pairs."""
        return "archives"

    def settings(self) -> Any:
        """The archives as they are now."""
        return [archive.model_dump() for archive in self.build.request.archives]

    def upstream(self) -> Sequence[BuildStage]:
        """The manifest's pairs."""
        return (ListStage(self.build),)

    def reduce(self) -> Iterator[ChunkWriter]:
        """One chunk: where each image was first found."""
        pairs = ListStage(self.build).records(PublishedPair)
        wanted = {image.sha256: image.size for record in pairs for image in record.pair.images}
        chunk = self.store.writer(0)
        for archive in self.build.request.archives:
            for found in find(Path(archive.path), wanted):
                if wanted.pop(found.sha256, None) is not None:
                    chunk.seen += 1
                    chunk.add(found)
        yield chunk

    def found(self) -> dict[str, Found]:
        """What was found, by sha256."""
        return {found.sha256: found for found in self.records(Found)}
