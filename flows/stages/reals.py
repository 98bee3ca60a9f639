"""reals: the bytes of the real images, exactly as they came."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from flows.records import ListedImage, StoredReal
from flows.stages.base import BuildStage, MapStage, Resource, Unit
from flows.stages.listing import ListStage
from manifests import canonical
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Stage
from sources.base import Listing


class RealsStage(MapStage):
    """Fetches one chunk of a source's listings."""

    label: ClassVar[Stage] = "reals"
    unit: ClassVar[Unit] = "images"
    resource: ClassVar[Resource] = "network"

    def settings(self) -> Any:
        """Nothing beyond the listings: how fast they are fetched does not change the bytes."""
        return ""

    def upstream(self) -> Sequence[BuildStage]:
        """What is listed."""
        return (ListStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Fetch each listing of the chunk."""
        images = list(ListStage(self.build).store.records(index, ListedImage))
        config = next(source for source in self.build.recipe.sources if source.name == images[0].source)
        source = self.build.located(config).open()
        listings = [Listing.from_json(canonical.dumps(image.listing)) for image in images]
        with tempfile.TemporaryDirectory(prefix="twinset-") as workdir:
            for listing, outcome in source.fetch(listings, Path(workdir)):
                chunk.seen += 1
                if isinstance(outcome, RejectedItem):
                    chunk.reject(f"{config.name}:{listing.source_id}", outcome)
                else:
                    blob = chunk.blob(outcome.real.key, outcome.data)
                    chunk.add(StoredReal(real=outcome.real, blob=blob))
