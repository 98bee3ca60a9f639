"""screen: what each image is, and whether a pair can be made of it; before any GPU time is spent."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flows.records import ScreenedImage, StoredImage
from flows.stages.base import BuildStage, MapStage, Unit
from flows.stages.reals import RealsStage
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Stage
from pixels.inspect import inspect


class ScreenStage(MapStage):
    """Inspects the bytes of one chunk of reals."""

    label: ClassVar[Stage] = "screen"
    unit: ClassVar[Unit] = "images"

    def settings(self) -> Any:
        """The screening rules."""
        return self.build.recipe.screen.model_dump(mode="json")

    def upstream(self) -> Sequence[BuildStage]:
        """The reals."""
        return (RealsStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Inspect each image of the chunk."""
        reals = RealsStage(self.build).store
        for stored in reals.records(index, StoredImage):
            chunk.seen += 1
            try:
                facts, coding = inspect(
                    reals.read_blob(stored.blob), self.build.recipe.screen, rotation=stored.image.rotation
                )
            except RejectedItem as rejected:
                chunk.reject(stored.image.key, rejected)
            else:
                chunk.add(ScreenedImage(image=stored.image, blob=stored.blob, facts=facts, coding=coding))
