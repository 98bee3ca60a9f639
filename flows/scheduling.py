"""How stages are given to Prefect: to which runner, how many chunks at a time, and which failures are tried again."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

from huggingface_hub.errors import OfflineModeIsEnabled
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import as_completed
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flows import progress
from flows.runners import Runner, RunnerName
from flows.stages.base import BuildStage, Resource
from manifests.errors import InfrastructureError, TwinsetError

WAVE = 500
"""Tasks submitted at a time: servers have faltered under maps of thousands."""


def may_pass(_task: object, _run: TaskRun, state: State[None]) -> bool:
    """Only what a second try may mend is tried again: faults of a machine, and an error with the network's as its cause."""
    error: object = state.result(raise_on_failure=False)
    while isinstance(error, BaseException):
        if isinstance(error, InfrastructureError):
            return True
        if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
            return not isinstance(error, OfflineModeIsEnabled)
        error = error.__cause__
    return False


CHUNK: dict[str, Any] = {
    "task_run_name": "{stage}-{index}",
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": 3,
    "retry_delay_seconds": [2, 10, 30],
    "retry_condition_fn": may_pass,
}
"""Options of a task that does one chunk of a stage."""


def run_chunks(chunk: Task[[str, str, int], int], url: str, stage: str, chunks: list[int]) -> int:
    """Do some chunks of one stage, a wave at a time; called from a flow.

    Args:
        chunk: the task that does one of them.
        url: the build's folder.
        stage: the stage's name.
        chunks: which chunks.

    Returns:
        Number of chunks.
    """
    with progress.stage(stage, len(chunks)) as bar:
        for start in range(0, len(chunks), WAVE):
            wave = [chunk.submit(url, stage, index) for index in chunks[start : start + WAVE]]
            for future in as_completed(wave):
                future.result()
                bar.advance()
    return len(chunks)


@contextmanager
def connected(runner: Runner, url: str) -> Iterator[None]:
    """Keep a runner's cluster for all stages of a build.

    Args:
        runner: who does the chunks.
        url: the build's folder, which all workers must see.

    Raises:
        TwinsetError: the cluster cannot be reached, or a node of it cannot do the work.
    """
    around: AbstractContextManager[None]
    match runner.name:
        case RunnerName.THREADS:
            around = nullcontext()
        case RunnerName.RAY:
            from flows.ray_cluster import ray_cluster

            around = ray_cluster(runner.address, url)
        case RunnerName.PROCESSES | RunnerName.DASK:
            around = _one_server()
    with around:
        yield


@contextmanager
def _one_server() -> Iterator[None]:
    """Let worker processes use the server that this process has started: each would start one of its own."""
    if PREFECT_API_URL.value():
        yield
        return
    with temporary_settings({PREFECT_API_URL: SubprocessASGIServer().api_url}):
        yield


def do_pending(flow: Flow[[str, str, list[int]], int], stage: BuildStage, runner: Runner) -> None:
    """Do what is pending of a stage; called from a flow.

    Args:
        flow: does chunks of a stage.
        stage: the stage.
        runner: who does the chunks.

    Raises:
        TwinsetError: workers were lost, again and again.
    """
    pending = stage.pending()
    if not pending:
        return
    given = flow.with_options(task_runner=task_runner(stage.resource, runner))
    try:
        given(str(stage.build.folder), stage.name, pending)
    except _losses(runner) as error:
        raise TwinsetError(
            f"stage {stage.name}: a worker was lost ({type(error).__name__}); it was killed, ran out of memory, or its "
            "machine is gone. Run the same command again: it goes on where it stopped."
        ) from error


def task_runner(resource: Resource, runner: Runner) -> TaskRunner[Any]:
    """A model serves one chunk at a time; what is bound by the processor gets its cores.

    A chunk of photographs is held in memory until it is written, about 1 GB, and fetches many at once by itself.
    """
    workers = {"model": 1, "cpu": os.cpu_count() or 1, "network": 4}[resource]
    match runner.name:
        case RunnerName.THREADS:
            return ThreadPoolTaskRunner(max_workers=workers)
        case RunnerName.PROCESSES:
            return ProcessPoolTaskRunner(max_workers=workers)
        case RunnerName.DASK:
            from prefect_dask.task_runners import DaskTaskRunner

            if runner.address:
                return DaskTaskRunner(address=runner.address)
            return DaskTaskRunner(
                cluster_kwargs={"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
            )
        case RunnerName.RAY:
            from flows.ray_cluster import RayChunkRunner

            return RayChunkRunner(resource)


def _losses(runner: Runner) -> tuple[type[Exception], ...]:
    """What a runner raises when workers are lost more often than it tries again."""
    match runner.name:
        case RunnerName.THREADS:
            return ()
        case RunnerName.PROCESSES:
            return (BrokenExecutor,)
        case RunnerName.DASK:
            from distributed import KilledWorker

            return (KilledWorker,)
        case RunnerName.RAY:
            from ray.exceptions import RayError

            return (RayError,)


_held: list[BuildStage] = []
_turns = Lock()


def take_turn(stage: BuildStage) -> None:
    """Let go of the model of the stage before: a cluster's worker outlives a stage, and holds one model at a time."""
    with _turns:
        while _held and _held[-1].name != stage.name:
            _held.pop().release()
        if not _held:
            _held.append(stage)
