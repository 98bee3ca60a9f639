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
from flows.rebuilding.records import CutReal
from flows.records import GeneratedFake
from flows.stages.base import BuildStage, Resource
from generation.config import GeneratorConfig
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Fake, Stage
from pixels.arrays import Pixels
from pixels.encode import png

if TYPE_CHECKING:
    from generation.replay import Replayer, ReplayRequest
    from generation.requests import Generated


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
        """The survivors of the generator before this one (or the windows), the windows, and the settings."""
        stages = generate_stages(self.build)
        position = [stage.generator for stage in stages].index(self.generator)
        left = stages[position - 1] if position else FrameStage(self.build)
        return (left, FrameStage(self.build), ListStage(self.build))

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Make the fakes of the pairs that have one, view by view, since a batch has one size."""
        from generation.overlap import overlapped

        pairs = self.published(index)
        survivors = self._survivors(index)
        outcomes: dict[str, tuple[Fake, bytes] | RejectedItem] = {}
        for view in self.build.recipe.views:
            asked = [pairs[pair_id] for pair_id in survivors if self._asks(pairs[pair_id], view.name)]
            if asked:
                requests = self._requests(index, asked)
                batches = overlapped(self._replayer().replay(requests), _encoded)
                answers = [answer for batch in batches for answer in batch]
                outcomes.update(zip([record.pair.pair_id for record in asked], answers, strict=True))
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
        _replayer.cache_clear()

    def _survivors(self, index: int) -> list[str]:
        left = self.upstream()[0]
        if isinstance(left, GenerateStage):
            return [record.pair_id for record in left.store.records(index, GeneratedFake)]
        return [record.pair_id for record in left.store.records(index, CutReal)]

    def _asks(self, record: PublishedPair, view: str) -> bool:
        return self.generator in record.pair.fakes and record.pair.frame.view == view

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

    def _replayer(self) -> "Replayer":
        return _replayer(self.build.located(self.build.recipe.generator(self.generator)))


def generate_stages(build: Any) -> list[GenerateStage]:
    """A stage for each generator, in the recipe's order."""
    return [GenerateStage(build, generator.name) for generator in build.recipe.generators]


def _encoded(batch: "list[Generated | RejectedItem]") -> list[tuple[Fake, bytes] | RejectedItem]:
    return [answer if isinstance(answer, RejectedItem) else (answer.fake, png(answer.pixels)) for answer in batch]


@lru_cache(maxsize=1)
def _replayer(config: GeneratorConfig) -> "Replayer":
    """The model, loaded once a process."""
    from flows.device import device
    from generation.replay import open_replayer

    return open_replayer(config, device())
