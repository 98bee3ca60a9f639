"""How stages are given to Prefect: how many chunks at a time, and which failures are tried again."""

import os
import socket
from typing import Any

from huggingface_hub.errors import OfflineModeIsEnabled
from prefect.client.schemas.objects import State, TaskRun
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

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


def runner(stage: BuildStage) -> TaskRunner[Any]:
    """A model serves one chunk at a time; what is bound by the processor gets its cores.

    A chunk of photographs is held in memory until it is written, about 1 GB, and fetches many at once by itself.
    """
    workers = {"model": 1, "cpu": os.cpu_count() or 1, "network": 4}[stage.resource]
    return ThreadPoolTaskRunner(max_workers=workers)
