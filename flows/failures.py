"""What failed in a build for a reason that may pass: the network, or a machine."""

from dataclasses import dataclass

from flows.folder import BuildFolder
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage
from flows.stages.generate import GenerateStage
from flows.stages.reals import RealsStage
from manifests.chunks import Marker
from manifests.records import Reason
from sources.base import RETRYABLE


@dataclass(frozen=True)
class Failed:
    """One chunk with items that may succeed on a second try.

    Attributes:
        stage: the stage's name.
        index: the chunk.
        items: number of such items.
    """

    stage: str
    index: int
    items: int


def failed_chunks(build: BuildFolder) -> list[Failed]:
    """The chunks of a build that a second try may mend: the network's failures, and those of the machines."""
    reals = RealsStage(build)
    failed = [Failed(reals.name, index, len(ids)) for index in reals.done() if (ids := reals.failed(index))]
    for stage in build_stages(build):
        failed += [
            Failed(stage.name, marker.index, items)
            for marker in stage.store.markers()
            if (items := _may_pass(stage, marker))
        ]
    return failed


def forget_failed(build: BuildFolder) -> None:
    """Let chunks in which a machine failed, or a retrieved fake did not come, be done again as a whole.

    What an item becomes depends on its batch.
    """
    for stage in build_stages(build):
        for marker in stage.store.markers():
            if _may_pass(stage, marker):
                stage.store.forget(marker.index)


def _may_pass(stage: BuildStage, marker: Marker) -> int:
    """Number of a chunk's items that may succeed when the whole chunk is done again; reals are asked for one by one."""
    fetches = isinstance(stage, GenerateStage)
    reasons = {Reason.INFRASTRUCTURE, *(RETRYABLE if fetches else ())}
    return sum(marker.rejected.get(reason, 0) for reason in reasons)
