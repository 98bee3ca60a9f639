"""caption: one text for what the pair shows; an image that stands alone has its source's own, or none."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from flows.compiling import decided_for
from flows.records import CaptionedPair, FramedPair
from flows.stages.base import BuildStage, MapStage, Resource, let_go
from flows.stages.frame import FrameStage, framed
from generation.config import BlipCaptions, CaptionConfig
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Caption, SourceImage, Stage

if TYPE_CHECKING:
    from generation.requests import Captioner


class CaptionStage(MapStage):
    """Captions one chunk of framed images."""

    label: ClassVar[Stage] = "caption"
    resource: ClassVar[Resource] = "model"

    def settings(self) -> Any:
        """The captioner's configuration."""
        caption = self.build.recipe.caption
        return caption.model_dump(mode="json") if caption is not None else None

    def upstream(self) -> Sequence[BuildStage]:
        """The framed pairs."""
        return (FrameStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Caption each pair of the chunk, in the captioner's own fixed batches."""
        from generation.requests import CaptionRequest

        frames = FrameStage(self.build).store
        requests = []
        for pair in frames.records(index, FramedPair):
            if pair.frame.framing == "single":
                chunk.seen += 1
                chunk.add(CaptionedPair(pair_id=pair.pair_id, caption=_of_source(pair.screened.image)))
                continue
            try:
                shown = framed(frames, pair).shown
            except RejectedItem as rejected:  # taken down since it was framed
                chunk.seen += 1
                chunk.reject(pair.pair_id, rejected)
            else:
                requests.append(
                    CaptionRequest(
                        pair_id=pair.pair_id,
                        pixels=shown,
                        source_caption=pair.screened.image.source_caption,
                        class_label=pair.screened.image.class_label,
                    )
                )
        if not requests or self.build.recipe.caption is None:
            return
        config = self.build.located(self.build.recipe.caption)
        if isinstance(config, BlipCaptions):
            config = decided_for(self.build, config, [view for view in self.build.recipe.views if not view.is_single])
        captioner = _captioner(config)
        for request, outcome in zip(requests, captioner.caption(requests), strict=True):
            chunk.seen += 1
            if isinstance(outcome, RejectedItem):
                chunk.reject(request.pair_id, outcome)
            else:
                chunk.add(CaptionedPair(pair_id=request.pair_id, caption=outcome))

    def release(self) -> None:
        """Let the model go: the generators need its memory."""
        let_go(_captioner)


def _of_source(image: SourceImage) -> Caption:
    """What a source says of an image: of a fake its prompt, word for word."""
    text = image.prompt or image.source_caption
    return Caption(text=text, cleaned=" ".join(text.split()), model="source" if text.strip() else "none")


@lru_cache(maxsize=1)
def _captioner(config: CaptionConfig) -> "Captioner":
    """The captioner, loaded once a process."""
    from flows.device import device
    from generation.captioning import open_captioner

    return open_captioner(config, device())
