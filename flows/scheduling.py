"""How stages are given to Prefect: how many chunks at a time, and which failures are tried again."""

import os
import socket
from typing import Any

from huggingface_hub.errors import OfflineModeIsEnabled
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import progress
from flows.stages.base import BuildStage

WAVE = 500
"""Tasks submitted at a time: servers have faltered under maps of thousands."""


def is_network_fault(_task: object, _run: TaskRun, state: State[None]) -> bool:
    """Only what a second try may mend is tried again. An error for a person has the network's as its cause."""
    error: object = state.result(raise_on_failure=False)
    while isinstance(error, BaseException):
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
    "retry_condition_fn": is_network_fault,
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


def runner(stage: BuildStage) -> TaskRunner[Any]:
    """A model serves one chunk at a time; what is bound by the processor gets its cores.

    A chunk of photographs is held in memory until it is written, about 1 GB, and fetches many at once by itself.
    """
    workers = {"model": 1, "cpu": os.cpu_count() or 1, "network": 4}[stage.resource]
    return ThreadPoolTaskRunner(max_workers=workers)
