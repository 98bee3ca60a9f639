"""list: which images the sources have, in chunks of one source each."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flows.records import ListedImage
from flows.stages.base import BuildStage, ReduceStage, Unit
from manifests.chunk_writer import ChunkWriter
from manifests.chunks import slices
from manifests.errors import SourceError
from manifests.records import Stage


class ListStage(ReduceStage):
    """Asks each source for its list; reads no image."""

    label: ClassVar[Stage] = "list"
    unit: ClassVar[Unit] = "images"

    def settings(self) -> Any:
        """The sources, but not how fast they are fetched from, and the size of a chunk."""
        recipe = self.build.recipe
        return [recipe.chunks.size, *(source.model_dump(mode="json", exclude={"fetch"}) for source in recipe.sources)]

    def upstream(self) -> Sequence[BuildStage]:
        """Nothing stands to the left."""
        return ()

    def reduce(self) -> Iterator[ChunkWriter]:
        """Chunks of listings; none holds two sources."""
        index = 0
        for config in self.build.recipe.sources:
            source = self.build.located(config).open()
            listed = (ListedImage(source=config.name, listing=listing.to_dict()) for listing in source.list())
            before = index
            for batch in slices(listed, self.build.recipe.chunks.size):
                chunk = self.store.writer(index)
                for image in batch:
                    chunk.seen += 1
                    chunk.add(image)
                yield chunk
                index += 1
            if index == before:
                raise no_images(config.name)


def no_images(source: str) -> SourceError:
    """A source that has nothing to give."""
    return SourceError(f"source {source}: no images in it. Check its path and its settings.")
