"""frame: the window that all members of a pair share, and the image's pixels in it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flows.records import FramedPair, SelectedImage
from flows.stages.base import BuildStage, MapStage
from flows.stages.reals import RealsStage
from flows.stages.safety import chosen_stage
from manifests.chunk_writer import ChunkWriter
from manifests.chunks import StageStore
from manifests.errors import RejectedItem
from manifests.records import Reason, Stage
from pixels.arrays import Pixels
from pixels.config import ViewRules
from pixels.decode import decode
from pixels.encode import png
from pixels.frame import Framed, cut, framed_from_region, plan_frame, plan_generated


class FrameStage(MapStage):
    """Cuts one chunk of images, once for each view that they go into."""

    label: ClassVar[Stage] = "frame"

    def settings(self) -> Any:
        """The views, without the generators that answer them, and the salt that windows are drawn from."""
        recipe = self.build.recipe
        views = [view.model_dump(mode="json", exclude={"generators"}) for view in recipe.views]
        # what only images that stand alone ask for is left out where there are none
        uncut = [view.name for view in recipe.views if not self._cuts(view)]
        return [views, recipe.screen.max_pixels, recipe.seed_salt, *uncut]

    def upstream(self) -> Sequence[BuildStage]:
        """The selected images; those found safe, where the recipe has them judged."""
        return (chosen_stage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Frame each image of the chunk in each view that takes it."""
        for selected in chosen_stage(self.build).store.records(index, SelectedImage):
            image = selected.screened.image
            views = [view for view in self.build.recipe.views if view.takes(image)]
            if not views:
                chunk.seen += 1
                what = "prompt" if image.is_prompt else "real image" if image.is_real else "fake"
                chunk.reject(image.key, RejectedItem(Reason.NO_VIEW, f"no view takes a {what} of {image.source}"))
                continue
            stored = self._stored(selected) if any(self._cuts(view) for view in views) else None
            for view in views:
                chunk.seen += 1
                pair_id = f"{image.key}-{view.name}"
                try:
                    if isinstance(stored, RejectedItem):
                        raise stored
                    chunk.add(self._framed(chunk, pair_id, selected, stored, view))
                except RejectedItem as rejected:
                    chunk.reject(pair_id, rejected)

    def _cuts(self, view: ViewRules) -> bool:
        """Whether a view's images are cut here: not those that are made from prompts, nor those that stay as they came."""
        return not (view.is_single and (view.generators or self.build.recipe.alignment.mode == "naive"))

    def _stored(self, selected: SelectedImage) -> Pixels | RejectedItem:
        """The image's pixels; a rejection for what was taken down since it was selected."""
        try:
            data = RealsStage(self.build).store.read_blob(selected.screened.blob)
            return decode(data, max_pixels=self.build.recipe.screen.max_pixels)
        except RejectedItem as rejected:
            return rejected

    def _framed(
        self, chunk: ChunkWriter, pair_id: str, selected: SelectedImage, stored: Pixels | None, view: ViewRules
    ) -> FramedPair:
        screened = selected.screened
        if screened.image.is_prompt:
            frame = plan_generated(view)
        else:
            frame = plan_frame(screened.facts, screened.coding, view, pair_id, self.build.recipe.seed_salt)
        region = None
        if stored is not None and self._cuts(view):
            region = chunk.blob(pair_id, png(cut(stored, screened.facts, frame).region))
        own = screened.coding if view.framing == "patch" else None
        return FramedPair(
            pair_id=pair_id,
            key=screened.image.key,
            screened=screened,
            frame=frame,
            history=selected.histories.get(view.name, own),
            region=region,
        )


def framed(store: StageStore, pair: FramedPair) -> Framed:
    """What a framed pair shows, read back from the stage's store.

    Raises:
        ValueError: it is a prompt, which shows nothing yet.
    """
    if pair.region is None:
        raise ValueError(f"{pair.pair_id} has no pixels")
    return framed_from_region(decode(store.read_blob(pair.region)), pair.frame)
