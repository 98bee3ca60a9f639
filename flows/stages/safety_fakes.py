"""safety-fakes: the same model looks at the fakes' native pixels; a fake that is unsafe takes its pair along."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from flows.folder import BuildFolder
from flows.records import GeneratedFake, JudgedPair
from flows.stages.base import BuildStage, MapStage, Resource
from flows.stages.generate import GenerateStage, generate_stages
from flows.stages.safety import release, safety_settings, unsafe
from manifests.chunk_writer import Blob, ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Stage
from pixels.arrays import Pixels
from pixels.decode import decode


class FakeSafetyStage(MapStage):
    """Judges the fakes of one chunk of pairs."""

    label: ClassVar[Stage] = "safety-fakes"
    resource: ClassVar[Resource] = "model"

    def settings(self) -> Any:
        """The model, its weights, and what counts as unsafe."""
        return safety_settings(self.build)

    def upstream(self) -> Sequence[BuildStage]:
        """The last generator's survivors, and all generators."""
        generators = generate_stages(self.build)
        return (generators[-1], *generators[:-1])

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Judge all fakes of the pairs that all of their generators have answered."""
        generators = generate_stages(self.build)
        survivors = [record.pair_id for record in generators[-1].store.records(index, GeneratedFake)]
        fakes = {
            (record.pair_id, stage.generator): partial(_native, stage, record.native)
            for stage in generators
            for record in stage.store.records(index, GeneratedFake)
            if record.native is not None
        }
        wanted = set(survivors)
        dropped = unsafe(self.build, [(name, read) for name, read in fakes.items() if name[0] in wanted])
        by_pair: dict[str, RejectedItem] = {}
        for (pair_id, generator), rejected in dropped.items():
            by_pair.setdefault(pair_id, RejectedItem(rejected.reason, f"{generator}: {rejected.detail}"))
        for pair_id in survivors:
            chunk.seen += 1
            if pair_id in by_pair:
                chunk.reject(pair_id, by_pair[pair_id])
            else:
                chunk.add(JudgedPair(pair_id=pair_id))

    def release(self) -> None:
        """Let the model go."""
        release()


def fake_safety_stages(build: BuildFolder) -> list[BuildStage]:
    """The stage, where the recipe asks for it and makes fakes."""
    return [FakeSafetyStage(build)] if build.recipe.screen.safety and build.recipe.generators else []


def _native(stage: GenerateStage, blob: Blob) -> Pixels:
    return decode(stage.store.read_blob(blob))
