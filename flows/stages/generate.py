"""generate: the fakes' native pixels, losslessly, one folder a generator.

The generators stand in a line: what one rejects, the next is not asked for, because a pair is whole or dropped. A pair
whose view does not ask for a generator passes it by. A generator that retrieves has a stage before it that says which fake
each pair is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from flows.compiling import decided_for
from flows.records import CaptionedPair, FramedPair, GeneratedFake, MatchedPair, entry_name
from flows.stages.base import BuildStage, MapStage, Resource, let_go
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage
from flows.stages.retrieve import RetrieveStage, survivors
from flows.stages.retrieved import fetch_retrieved, screen_settings
from generation.config import DiffusionSettings, GeneratorConfig, MakerConfig, RetrieveConfig
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Fake, Stage
from pixels.decode import decode
from pixels.encode import png

if TYPE_CHECKING:
    from generation.requests import Generated, GenerationRequest, ImageGenerator

_ENCODERS = 4
"""Images that are encoded at the same time."""

Outcome = tuple[Fake, bytes] | RejectedItem
"""A fake's record and its native pixels as a PNG, or why there is none."""


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
        """The generator's configuration, the views that ask for it, the salt of its seeds, and how existing fakes are screened."""
        recipe = self.build.recipe
        views = [view.name for view in recipe.views if self.generator in view.generators]
        config = recipe.generator(self.generator)
        screened = screen_settings(self.build) if isinstance(config, RetrieveConfig) else []
        return [config.model_dump(mode="json"), views, recipe.seed_salt, *screened]

    def upstream(self) -> Sequence[BuildStage]:
        """The survivors of the generator before this one (or the captions), matched first where it retrieves; what they show."""
        before = _before(self.build.recipe.generators, self.generator)
        left: BuildStage = GenerateStage(self.build, before) if before else CaptionStage(self.build)
        if isinstance(self.build.recipe.generator(self.generator), RetrieveConfig):
            left = RetrieveStage(self.build, self.generator, left)
        return (left, CaptionStage(self.build), FrameStage(self.build))

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """A fake for each pair that asks for one."""
        pairs = survivors(self.upstream()[0], index)
        config = self.build.recipe.generator(self.generator)
        found = (
            self._retrieved(index, config) if isinstance(config, RetrieveConfig) else self._made(index, pairs, config)
        )
        keep(chunk, pairs, found)

    def _made(self, index: int, pairs: Sequence[str], config: MakerConfig) -> dict[str, Outcome]:
        """Fakes that a model makes, view by view, since a batch has one size."""
        outcomes: dict[str, Outcome] = {}
        if isinstance(config, DiffusionSettings):
            views = [view for view in self.build.recipe.views if self.generator in view.generators]
            config = decided_for(self.build, config, views)
        for view in self.build.recipe.views:
            asked = [pair_id for pair_id in pairs if self._asks(pair_id) and view_of(pair_id) == view.name]
            requests, gone = self._requests(index, asked)
            outcomes.update(gone)
            if requests:
                generator = _generator(self.build.located(config), self.build.recipe.seed_salt)
                arranged = generator.arranged(requests)
                answers = encoded(generator.generate(arranged))
                outcomes.update(zip((request.pair_id for request in arranged), answers, strict=True))
        return outcomes

    def _retrieved(self, index: int, config: RetrieveConfig) -> dict[str, Outcome]:
        """Fakes that others made."""
        frames = {pair.pair_id: pair.frame for pair in FrameStage(self.build).store.records(index, FramedPair)}
        matches = list(self.upstream()[0].store.records(index, MatchedPair))
        return dict(fetch_retrieved(self.build, config, [match for match in matches if match.listing], frames))

    def release(self) -> None:
        """Let the model go before the next one is loaded."""
        let_go(_generator)

    def _asks(self, pair_id: str) -> bool:
        return self.generator in self.build.recipe.view(view_of(pair_id)).generators

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
            region = framed[pair_id].region if looks else None
            try:
                pixels = decode(frames.read_blob(region)) if region is not None else None
            except RejectedItem as rejected:
                gone[pair_id] = rejected
                continue
            requests.append(
                GenerationRequest(
                    pair_id=pair_id,
                    prompt=prompts[pair_id],
                    region=pixels,
                    width=side,
                    height=side,
                    margin=frame.margin,
                )
            )
        return requests, gone


def view_of(pair_id: str) -> str:
    """The view that a pair's id names."""
    return pair_id.partition("-")[2]


def generate_stages(build: Any) -> list[GenerateStage]:
    """A stage for each generator, in the recipe's order."""
    return [GenerateStage(build, generator.name) for generator in build.recipe.generators]


def with_retrieval(build: Any) -> list[BuildStage]:
    """The same, and before each generator that retrieves the stage that says what."""
    stages: list[BuildStage] = []
    for stage in generate_stages(build):
        left = stage.upstream()[0]
        stages += [left, stage] if isinstance(left, RetrieveStage) else [stage]
    return stages


def _before(generators: Sequence[GeneratorConfig], name: str) -> str:
    """The name of the generator before this one; empty for the first."""
    names = [generator.name for generator in generators]
    position = names.index(name)
    return names[position - 1] if position else ""


def encoded(batches: "Iterator[list[Generated | RejectedItem]]") -> "list[Outcome]":
    """The answers of all batches; pixels become PNGs while the next batch is made, image by image: the last batch is soon done."""
    from generation.overlap import overlapped

    with ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode") as encoders:

        def encode(batch: "list[Generated | RejectedItem]") -> list[Outcome]:
            return list(encoders.map(_encoded, batch))

        return [outcome for batch in overlapped(batches, encode) for outcome in batch]


def keep(chunk: ChunkWriter, survivors: Sequence[str], outcomes: "Mapping[str, Outcome]") -> None:
    """Forward or reject each pair: one that has no outcome asks for no fake of this generator, and passes it by."""
    for pair_id in survivors:
        chunk.seen += 1
        outcome = outcomes.get(pair_id)
        if outcome is None:
            chunk.add(GeneratedFake(pair_id=pair_id, fake=None, native=None))
        elif isinstance(outcome, RejectedItem):
            chunk.reject(pair_id, outcome)
        else:
            fake, data = outcome
            chunk.add(GeneratedFake(pair_id=pair_id, fake=fake, native=chunk.blob(entry_name(pair_id, fake), data)))


def _encoded(answer: "Generated | RejectedItem") -> Outcome:
    return answer if isinstance(answer, RejectedItem) else (answer.fake, png(answer.pixels))


@lru_cache(maxsize=1)
def _generator(config: MakerConfig, salt: str) -> "ImageGenerator":
    """The generator, loaded once a process."""
    from flows.device import device
    from generation.open import open_generator

    return open_generator(config, device(), salt=salt)
