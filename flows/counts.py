"""What each stage of a build has done so far, read from the disk alone."""

from flows.folder import BuildFolder
from flows.stages.audit import build_stages
from flows.stages.base import StageCount
from manifests.chunks import one_look


def stage_counts(build: BuildFolder) -> list[StageCount]:
    """Counts of all stages, from left to right."""
    with one_look():
        return [stage.counts() for stage in build_stages(build)]


def is_finished(build: BuildFolder) -> bool:
    """Whether a build would have nothing to do; asks each stage in turn, and no model library."""
    with one_look():
        return build.is_claimed() and not any(stage.pending() for stage in build_stages(build))
