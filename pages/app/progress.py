"""How far a build is and how long it will take, from the disk alone."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flows.counts import is_finished
from flows.folder import BuildFolder
from flows.stages.audit import build_stages
from flows.stages.base import StageCount
from flows.waves import shortfall
from manifests.errors import DatasetError

_PAUSE = 2.0
_COST = 20


@dataclass(frozen=True)
class Progress:
    """A build at one moment.

    Attributes:
        stages: what each stage has done, from left to right.
        finished: whether nothing is left to do.
        latest: when the last chunk was finished, seconds since the epoch; None before the first.
        warning: one line where the sources had too few images; empty otherwise.
    """

    stages: tuple[StageCount, ...]
    finished: bool
    latest: float | None
    warning: str

    @property
    def share(self) -> float:
        """Chunks that are done among those that are known of, 0 to 1."""
        known = sum(max(stage.chunks, stage.chunks_done) for stage in self.stages)
        return sum(stage.chunks_done for stage in self.stages) / known if known else 0.0

    @property
    def rejected(self) -> Counter[tuple[str, str]]:
        """Items that were dropped, by stage and reason."""
        return Counter(
            {(stage.name, str(reason)): count for stage in self.stages for reason, count in stage.rejected.items()}
        )


@dataclass(frozen=True)
class TimeLeft:
    """How long the rest of a build takes, as far as it can be told.

    Attributes:
        seconds: for the chunks of stages that have done some already, at the pace so far.
        unknown: names of the stages that have not begun, or do not know yet how much they have to do.
    """

    seconds: float
    unknown: tuple[str, ...]


def time_left(stages: Sequence[StageCount]) -> TimeLeft:
    """The time that a build's stages still need, one after the other."""
    seconds = 0.0
    unknown = []
    for stage in stages:
        left = stage.chunks - stage.chunks_done
        if stage.chunks and left <= 0:
            continue
        if stage.chunks_done and stage.chunks:
            seconds += left * stage.seconds / stage.chunks_done
        else:
            unknown.append(stage.name)
    return TimeLeft(seconds, tuple(unknown))


class ProgressReader:
    """Reads a build's progress for all who look, no more often than its size allows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Progress]] = {}

    def read(self, build: BuildFolder) -> Progress:
        """The build's progress, at most a few seconds old.

        Raises:
            DatasetError: the folder changes faster than it can be read, or is no build's any more.
        """
        with self._lock:
            until, known = self._known.get(build.url, (0.0, None))
            started = time.monotonic()
            if known is not None and started < until:
                return known
            progress = read_progress(build)
            spent = time.monotonic() - started
            # a build of many chunks takes long to count: looking must not slow it down
            self._known = {build.url: (time.monotonic() + max(_PAUSE, _COST * spent), progress)}
            return progress


def read_progress(build: BuildFolder) -> Progress:
    """The build's progress now.

    Raises:
        DatasetError: the folder changes faster than it can be read.
    """
    for _ in range(3):
        try:
            stages = build_stages(build)
            return Progress(
                stages=tuple(stage.counts() for stage in stages),
                finished=is_finished(build),
                latest=max((ended for stage in stages for _, _, ended in stage.store.times()), default=None),
                warning=shortfall(build),
            )
        except FileNotFoundError:
            # a chunk that is made again goes and comes while it is read
            continue
    raise DatasetError(f"{build.folder}: changes while it is read. Look again in a moment.")
