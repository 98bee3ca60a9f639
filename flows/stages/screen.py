"""screen: what each image is, and whether it may be used; before any GPU time is spent."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flows.records import ScreenedImage, StoredImage
from flows.screening import check_scores, denied, deny_settings
from flows.stages.base import BuildStage, MapStage, Unit
from flows.stages.reals import RealsStage
from manifests.chunk_writer import ChunkWriter
from manifests.denied import DenyList
from manifests.errors import RejectedItem
from manifests.records import PROMPT, ImageFacts, Stage
from pixels.inspect import inspect


class ScreenStage(MapStage):
    """Inspects the bytes of one chunk of images."""

    label: ClassVar[Stage] = "screen"
    unit: ClassVar[Unit] = "images"

    def settings(self) -> Any:
        """The screening rules, the model of safety apart, which is asked later; and what the deny-lists hold."""
        rules = self.build.recipe.screen.model_dump(mode="json", exclude={"safety", "deny", "deny_radius"})
        return [rules, deny_settings(self.build)]

    def upstream(self) -> Sequence[BuildStage]:
        """The images."""
        return (RealsStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Inspect each image of the chunk."""
        deny_list = denied(self.build)
        for stored in RealsStage(self.build).store.records(index, StoredImage):
            chunk.seen += 1
            try:
                chunk.add(self._screened(stored, deny_list))
            except RejectedItem as rejected:
                chunk.reject(stored.image.key, rejected)

    def _screened(self, stored: StoredImage, deny_list: DenyList) -> ScreenedImage:
        image, rules = stored.image, self.build.recipe.screen
        data = RealsStage(self.build).store.read_blob(stored.blob)
        deny_list.check_file(data, image.sha256)
        if image.is_prompt:
            # there is no image yet that could be looked at, or that anybody could have scored
            facts = ImageFacts(format=PROMPT, width=0, height=0)
            return ScreenedImage(image=image, blob=stored.blob, facts=facts, coding=None)
        check_scores(image.scores, rules)
        facts, coding = inspect(data, rules, rotation=image.rotation, existing_fake=image.made is not None)
        deny_list.check_picture(facts.phash)
        return ScreenedImage(image=image, blob=stored.blob, facts=facts, coding=coding)
