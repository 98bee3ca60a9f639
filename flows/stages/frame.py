"""frame: the window that all members of a pair share, and the real's pixels in it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flows.records import FramedPair, SelectedImage
from flows.stages.base import BuildStage, MapStage
from flows.stages.reals import RealsStage
from flows.stages.select import SelectStage
from manifests.chunks import ChunkWriter, StageStore
from manifests.errors import RejectedItem
from manifests.records import Stage
from pixels.arrays import Pixels
from pixels.config import ViewRules
from pixels.decode import decode
from pixels.encode import png
from pixels.frame import Framed, cut, framed_from_region, plan_frame


class FrameStage(MapStage):
    """Cuts one chunk of reals, once for each view."""

    label: ClassVar[Stage] = "frame"

    def settings(self) -> Any:
        """The views, without the generators that answer them, and the salt that windows are drawn from."""
        recipe = self.build.recipe
        views = [view.model_dump(mode="json", exclude={"generators"}) for view in recipe.views]
        return [views, recipe.screen.model_dump(mode="json"), recipe.seed_salt]

    def upstream(self) -> Sequence[BuildStage]:
        """The selected reals."""
        return (SelectStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Frame each real of the chunk in each view."""
        reals = RealsStage(self.build).store
        for selected in SelectStage(self.build).store.records(index, SelectedImage):
            stored: Pixels | RejectedItem
            try:
                data = reals.read_blob(selected.screened.blob)
                stored = decode(data, max_pixels=self.build.recipe.screen.max_pixels)
            except RejectedItem as rejected:
                stored = rejected  # taken down since it was selected
            for view in self.build.recipe.views:
                chunk.seen += 1
                pair_id = f"{selected.screened.image.key}-{view.name}"
                if isinstance(stored, RejectedItem):
                    chunk.reject(pair_id, stored)
                    continue
                try:
                    self._frame(chunk, pair_id, selected, stored, view)
                except RejectedItem as rejected:
                    chunk.reject(pair_id, rejected)

    def _frame(
        self, chunk: ChunkWriter, pair_id: str, selected: SelectedImage, stored: Pixels, view: ViewRules
    ) -> None:
        screened = selected.screened
        frame = plan_frame(screened.facts, screened.coding, view, pair_id, self.build.recipe.seed_salt)
        framed = cut(stored, screened.facts, frame)
        chunk.add(
            FramedPair(
                pair_id=pair_id,
                key=screened.image.key,
                screened=screened,
                frame=frame,
                history=selected.histories.get(view.name) if view.framing == "scene" else screened.coding,
                region=chunk.blob(pair_id, png(framed.region)),
            )
        )


def framed(store: StageStore, pair: FramedPair) -> Framed:
    """What a framed pair shows, read back from the stage's store."""
    return framed_from_region(decode(store.read_blob(pair.region)), pair.frame)
