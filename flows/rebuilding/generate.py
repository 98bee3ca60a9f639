"""generate: the fakes' native pixels, from the settings that the manifest records; one folder a generator.

The generators stand in a line, as in a build: what one cannot make, the next is not asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from flows.rebuilding.frame import FrameStage, framed
from flows.rebuilding.listing import ListStage, RebuildMap
from flows.rebuilding.published import PublishedPair
from flows.rebuilding.reals import RealsStage
from flows.rebuilding.records import CutReal, FetchedReal
from flows.records import GeneratedFake
from flows.stages.base import BuildStage, Resource, let_go
from flows.stages.generate import Outcome, encoded, keep
from flows.stages.retrieved import retrieved_again
from generation.config import MakerConfig, RetrieveConfig
from manifests.chunk_writer import ChunkWriter
from manifests.records import Stage
from pixels.arrays import Pixels

if TYPE_CHECKING:
    from generation.replay import Replayer, ReplayRequest


@dataclass(frozen=True)
class GenerateStage(RebuildMap):
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
        """Which of the pairs' fakes are made; how stands in the pairs."""
        return self.generator

    def upstream(self) -> Sequence[BuildStage]:
        """The survivors of the generator before this one (or the windows), the windows, the settings, and what was fetched."""
        stages = generate_stages(self.build)
        position = [stage.generator for stage in stages].index(self.generator)
        left = stages[position - 1] if position else FrameStage(self.build)
        return (left, FrameStage(self.build), ListStage(self.build), RealsStage(self.build))

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """The fakes of the pairs that have one."""
        pairs = self.published(index)
        survivors = self._survivors(index)
        asked = [pairs[pair_id] for pair_id in survivors if self.generator in pairs[pair_id].pair.fakes]
        config = self.build.recipe.generator(self.generator)
        if isinstance(config, RetrieveConfig):
            keep(chunk, survivors, self._retrieved(index, asked))
        else:
            keep(chunk, survivors, self._made(index, asked, config))

    def _made(self, index: int, asked: Sequence[PublishedPair], config: MakerConfig) -> dict[str, Outcome]:
        """Fakes that a model makes, view by view, since a batch has one size."""
        outcomes: dict[str, Outcome] = {}
        for view in self.build.recipe.views:
            records = [record for record in asked if record.pair.frame.view == view.name]
            if records:
                replayer = _replayer(self.build.located(config))
                requests = replayer.arranged(self._requests(index, records))
                answers = encoded(replayer.replay(requests))
                outcomes.update(zip([request.pair_id for request in requests], answers, strict=True))
        return outcomes

    def _retrieved(self, index: int, asked: Sequence[PublishedPair]) -> dict[str, Outcome]:
        """Fakes that others made."""
        reals = RealsStage(self.build).store
        fetched = {record.pair_id: record for record in reals.records(index, FetchedReal)}
        outcomes: dict[str, Outcome] = {}
        for record in asked:
            pair = record.pair
            data = reals.read_blob(fetched[pair.pair_id].retrieved[self.generator])
            outcomes[pair.pair_id] = retrieved_again(
                data, pair.fakes[self.generator], pair.frame, self.build.recipe.screen
            )
        return outcomes

    def release(self) -> None:
        """Let the model go before the next one is loaded."""
        let_go(_replayer)

    def _survivors(self, index: int) -> list[str]:
        left = self.upstream()[0]
        if isinstance(left, GenerateStage):
            return [record.pair_id for record in left.store.records(index, GeneratedFake)]
        return [record.pair_id for record in left.store.records(index, CutReal)]

    def _requests(self, index: int, asked: Sequence[PublishedPair]) -> "list[ReplayRequest]":
        from generation.replay import ReplayRequest

        frames = FrameStage(self.build).store
        cuts = {record.pair_id: record for record in frames.records(index, CutReal)}
        looks = self.build.recipe.generator(self.generator).method != "text-to-image"

        def region(record: PublishedPair) -> Pixels | None:
            return framed(frames, cuts[record.pair.pair_id], record.pair).region if looks else None

        return [
            ReplayRequest(record.pair.pair_id, record.pair.fakes[self.generator], region(record)) for record in asked
        ]


def generate_stages(build: Any) -> list[GenerateStage]:
    """A stage for each generator, in the recipe's order."""
    return [GenerateStage(build, generator.name) for generator in build.recipe.generators]


@lru_cache(maxsize=1)
def _replayer(config: MakerConfig) -> "Replayer":
    """The model, loaded once a process."""
    from flows.device import device
    from generation.replay import open_replayer

    return open_replayer(config, device())
