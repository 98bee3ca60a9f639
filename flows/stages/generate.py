"""generate: the fakes' native pixels, losslessly, one folder a generator.

The generators stand in a line: what one rejects, the next is not asked for, because a pair is whole or dropped. A pair
whose view does not ask for a generator passes it by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from flows.records import CaptionedPair, FramedPair, GeneratedFake
from flows.stages.base import BuildStage, MapStage, Resource
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage
from generation.config import GeneratorConfig
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Stage
from pixels.decode import decode
from pixels.encode import png

if TYPE_CHECKING:
    from generation.requests import Generated, GenerationRequest, ImageGenerator


@dataclass(frozen=True)
class GenerateStage(MapStage):
    """One generator's fakes.

    Attributes:
        generator: the generator's name.
    """

    generator: str

    label: ClassVar[Stage] = "generate"
    resource: ClassVar[Resource] = "model"

    @property
    def name(self) -> str:
        """A folder a generator."""
        return f"generate-{self.generator}"

    def settings(self) -> Any:
        """The generator's configuration, the views that ask for it, and the salt of its seeds."""
        recipe = self.build.recipe
        views = [view.name for view in recipe.views if self.generator in view.generators]
        return [recipe.generator(self.generator).model_dump(mode="json"), views, recipe.seed_salt]

    def upstream(self) -> Sequence[BuildStage]:
        """The survivors of the generator before this one (or the captions), and what the pairs show and say."""
        before = _before(self.build.recipe.generators, self.generator)
        left = GenerateStage(self.build, before) if before else CaptionStage(self.build)
        return (left, CaptionStage(self.build), FrameStage(self.build))

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Generate a fake for each pair that asks for one, view by view, since a batch has one size.

        Pixels are encoded while the next batch is generated.
        """
        from generation.overlap import overlapped

        survivors = self._survivors(index)
        outcomes: dict[str, Any] = {}
        for view in self.build.recipe.views:
            asked = [pair_id for pair_id in survivors if self._asks(pair_id) and view_of(pair_id) == view.name]
            requests, gone = self._requests(index, asked)
            outcomes.update(gone)
            if requests:
                batches = self._generator().generate(requests)
                encoded = [outcome for batch in overlapped(batches, _encoded) for outcome in batch]
                outcomes.update(zip((request.pair_id for request in requests), encoded, strict=True))
        for pair_id in survivors:
            chunk.seen += 1
            outcome = outcomes.get(pair_id)
            if outcome is None:
                chunk.add(GeneratedFake(pair_id=pair_id, fake=None, native=None))
            elif isinstance(outcome, RejectedItem):
                chunk.reject(pair_id, outcome)
            else:
                fake, data = outcome
                chunk.add(GeneratedFake(pair_id=pair_id, fake=fake, native=chunk.blob(pair_id, data)))

    def finish(self) -> None:
        """Let the model go before the next one is loaded."""
        super().finish()
        _generator.cache_clear()

    def _asks(self, pair_id: str) -> bool:
        return self.generator in self.build.recipe.view(view_of(pair_id)).generators

    def _survivors(self, index: int) -> list[str]:
        left = self.upstream()[0]
        if isinstance(left, GenerateStage):
            return [record.pair_id for record in left.store.records(index, GeneratedFake)]
        return [record.pair_id for record in left.store.records(index, CaptionedPair)]

    def _requests(self, index: int, asked: Sequence[str]) -> "tuple[list[GenerationRequest], dict[str, RejectedItem]]":
        """Requests in the order of the pairs, pixels only for generators that look at them; and what was taken down."""
        from generation.requests import GenerationRequest

        frames, captions = FrameStage(self.build).store, CaptionStage(self.build).store
        framed = {pair.pair_id: pair for pair in frames.records(index, FramedPair)}
        prompts = {pair.pair_id: pair.caption.cleaned for pair in captions.records(index, CaptionedPair)}
        looks = self.build.recipe.generator(self.generator).method != "text-to-image"
        requests: list[GenerationRequest] = []
        gone: dict[str, RejectedItem] = {}
        for pair_id in asked:
            frame = framed[pair_id].frame
            side = frame.frame + 2 * frame.margin
            try:
                data = frames.read_blob(framed[pair_id].region) if looks else b""
            except RejectedItem as rejected:
                gone[pair_id] = rejected
                continue
            requests.append(
                GenerationRequest(
                    pair_id=pair_id,
                    prompt=prompts[pair_id],
                    region=decode(data) if looks else None,
                    width=side,
                    height=side,
                )
            )
        return requests, gone

    def _generator(self) -> "ImageGenerator":
        config = self.build.recipe.generator(self.generator)
        return _generator(self.build.located(config), self.build.recipe.seed_salt)


def view_of(pair_id: str) -> str:
    """The view that a pair's id names."""
    return pair_id.partition("-")[2]


def generate_stages(build: Any) -> list[GenerateStage]:
    """A stage for each generator, in the recipe's order."""
    return [GenerateStage(build, generator.name) for generator in build.recipe.generators]


def _before(generators: Sequence[GeneratorConfig], name: str) -> str:
    """The name of the generator before this one; empty for the first."""
    names = [generator.name for generator in generators]
    position = names.index(name)
    return names[position - 1] if position else ""


def _encoded(batch: "list[Generated | RejectedItem]") -> list[Any]:
    """Generated pixels as PNG, with their record."""
    return [item if isinstance(item, RejectedItem) else (item.fake, png(item.pixels)) for item in batch]


@lru_cache(maxsize=1)
def _generator(config: GeneratorConfig, salt: str) -> "ImageGenerator":
    """The generator, loaded once a process."""
    from flows.device import device
    from generation.open import open_generator

    return open_generator(config, device(), salt=salt)
