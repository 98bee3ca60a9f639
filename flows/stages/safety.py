"""safety: a local model looks at each selected image, before any time is spent on it; only where the recipe names one."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from flows.folder import BuildFolder
from flows.records import SelectedImage
from flows.stages.base import BuildStage, MapStage, Resource, Unit
from flows.stages.reals import RealsStage
from flows.stages.select import SelectStage
from generation.digests import folder_digest
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Reason, Stage
from pixels.arrays import Pixels
from pixels.config import SafetyRules
from pixels.decode import decode
from pixels.orient import to_upright

if TYPE_CHECKING:
    from generation.safety import SafetyClassifier

Name = TypeVar("Name")


class SafetyStage(MapStage):
    """Judges one chunk of selected images; prompts pass, since they show nothing yet."""

    label: ClassVar[Stage] = "safety"
    unit: ClassVar[Unit] = "images"
    resource: ClassVar[Resource] = "model"

    def settings(self) -> Any:
        """The model, its weights, and what counts as unsafe."""
        return safety_settings(self.build)

    def upstream(self) -> Sequence[BuildStage]:
        """The selected images."""
        return (SelectStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Judge each image of the chunk as a whole, upright."""
        selected = list(SelectStage(self.build).store.records(index, SelectedImage))
        images = [record for record in selected if not record.screened.image.is_prompt]
        dropped = unsafe(self.build, [(record.screened.image.key, partial(self._upright, record)) for record in images])
        for record in selected:
            key = record.screened.image.key
            chunk.seen += 1
            if key in dropped:
                chunk.reject(key, dropped[key])
            else:
                chunk.add(record)

    def _upright(self, record: SelectedImage) -> Pixels:
        data = RealsStage(self.build).store.read_blob(record.screened.blob)
        return to_upright(decode(data, max_pixels=self.build.recipe.screen.max_pixels), record.screened.facts)

    def release(self) -> None:
        """Let the model go: the next ones need its memory."""
        release()


def safety_stages(build: BuildFolder) -> list[BuildStage]:
    """The stage, where the recipe asks for it."""
    return [SafetyStage(build)] if build.recipe.screen.safety else []


def chosen_stage(build: BuildFolder) -> BuildStage:
    """The stage that has the last word on which images are used; it forwards `SelectedImage`s."""
    return SafetyStage(build) if build.recipe.screen.safety else SelectStage(build)


def safety_settings(build: BuildFolder) -> Any:
    """All that the model's answers depend on."""
    rules = build.recipe.screen.safety
    if rules is None:
        return None
    return [rules.model_dump(mode="json"), folder_digest(build.located(rules).model)]


def unsafe(build: BuildFolder, images: Sequence[tuple[Name, Callable[[], Pixels]]]) -> dict[Name, RejectedItem]:
    """Which images must not be used.

    Args:
        build: its recipe names the model.
        images: names, and how to read the pixels; one image at a time is held.

    Returns:
        By name: `unsafe` and what was found; or why an image cannot be read any more.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    rules = build.located(build.recipe.screen.safety)
    if not images or rules is None:
        return {}
    model = _classifier(rules)
    prepared, dropped = {}, {}
    for name, read in images:
        try:
            prepared[name] = model.prepare(read())
        except RejectedItem as rejected:  # taken down in the meantime
            dropped[name] = rejected
    for name, found in zip(prepared, model.judge(list(prepared.values())), strict=True):
        if found:
            dropped[name] = RejectedItem(Reason.UNSAFE, found)
    return dropped


def release() -> None:
    """Let the model go."""
    _classifier.cache_clear()


@lru_cache(maxsize=1)
def _classifier(rules: SafetyRules) -> "SafetyClassifier":
    """The model, loaded once a process."""
    from flows.device import device
    from generation.safety import SafetyClassifier

    return SafetyClassifier(rules, device())
