"""What failed in a build for a reason that may pass: the network, or a machine."""

from dataclasses import dataclass

from flows.folder import BuildFolder
from flows.stages.audit import build_stages
from flows.stages.reals import RealsStage
from manifests.records import Reason


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
            if (items := marker.rejected.get(Reason.INFRASTRUCTURE, 0))
        ]
    return failed


def forget_failed(build: BuildFolder) -> None:
    """Let the chunks in which a machine failed be done again as a whole: what an item becomes depends on its batch."""
    for stage in build_stages(build):
        for marker in stage.store.markers():
            if marker.rejected.get(Reason.INFRASTRUCTURE, 0):
                stage.store.forget(marker.index)
