"""build_dataset: the whole way from sources to an audited dataset; a subflow a stage, a task a chunk.

Prefect schedules, retries and shows; the disk alone says what is done, so Prefect's own caching is off.
"""

import os
import socket
from pathlib import Path
from typing import Any

from huggingface_hub.errors import OfflineModeIsEnabled
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import progress
from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.gate import gate_error
from flows.inputs import check_models
from flows.recipe import load_recipe
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage, StageCount
from manifests.errors import GateError
from manifests.records import Reason

_WAVE = 500
"""Tasks submitted at a time: servers have faltered under maps of thousands."""


def _is_network_fault(_task: object, _run: TaskRun, state: State[None]) -> bool:
    """Only what a second try may mend is tried again. An error for a person has the network's as its cause."""
    error: object = state.result(raise_on_failure=False)
    while isinstance(error, BaseException):
        if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
            return not isinstance(error, OfflineModeIsEnabled)
        error = error.__cause__
    return False


@task(
    name="chunk",
    task_run_name="{stage}-{index}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=3,
    retry_delay_seconds=[2, 10, 30],
    retry_condition_fn=_is_network_fault,
)
def run_chunk(url: str, stage: str, index: int) -> int:
    """Do one chunk of one stage.

    Args:
        url: the build's folder.
        stage: the stage's name.
        index: the chunk.
    """
    _stage(BuildFolder.open(url), stage).run(index)
    return index


@flow(name="stage", flow_run_name="{stage}", persist_result=False)
def run_stage(url: str, stage: str, chunks: list[int]) -> int:
    """Do the pending chunks of one stage, a wave at a time.

    Args:
        url: the build's folder.
        stage: the stage's name.
        chunks: which chunks.
    """
    with progress.stage(stage, len(chunks)) as bar:
        for start in range(0, len(chunks), _WAVE):
            futures: list[PrefectFuture[int]] = [
                run_chunk.submit(url, stage, index) for index in chunks[start : start + _WAVE]
            ]
            for future in as_completed(futures):
                future.result()
                bar.advance()
    return len(chunks)


@flow(name="build_dataset", flow_run_name="build-{out}", persist_result=False)
def build_dataset(recipe: str, out: str, redo: bool = False) -> str:
    """Build a recipe's dataset, or go on where an earlier run stopped.

    Args:
        recipe: path of the recipe.
        out: the build's folder, a path or fsspec URL.
        redo: take over a folder that was built from an earlier form of the recipe.

    Returns:
        The dataset's folder.

    Raises:
        GateError: a stage dropped more than the recipe allows, or the audit failed.
        TwinsetError: bad input.
    """
    path = Path(recipe).absolute()
    build = BuildFolder(load_recipe(path), str(path.parent), out)
    check_models(build)
    build.claim(redo=redo)
    build.folder.sweep()
    for stage in build_stages(build):
        pending = stage.pending()
        if pending:
            run_stage.with_options(task_runner=_runner(stage))(str(build.folder), stage.name, pending)
        stage.finish()
        _check_drop_rate(stage.counts(), build.recipe.limits.drop_rate)
    _show(build)
    if (failed := gate_error(build)) is not None:
        raise failed
    return str(build.dataset)


def _stage(build: BuildFolder, name: str) -> BuildStage:
    return next(stage for stage in build_stages(build) if stage.name == name)


def _runner(stage: BuildStage) -> TaskRunner[Any]:
    """A model serves one chunk at a time; what is bound by the processor gets its cores.

    A chunk of photographs is held in memory until it is written, about 1 GB, and fetches many at once by itself.
    """
    workers = {"model": 1, "cpu": os.cpu_count() or 1, "network": 4}[stage.resource]
    return ThreadPoolTaskRunner(max_workers=workers)


def _check_drop_rate(counts: StageCount, limit: float) -> None:
    """Stop when a stage dropped too much; what the recipe itself asked to leave out does not count."""
    dropped = {reason: number for reason, number in counts.rejected.items() if reason != Reason.SURPLUS}
    if counts.seen and sum(dropped.values()) > limit * counts.seen:
        reasons = ", ".join(
            f"{number} {reason}" for reason, number in sorted(dropped.items(), key=lambda item: -item[1])
        )
        raise GateError(
            f"stage {counts.name} dropped {sum(dropped.values())} of {counts.seen} {counts.unit} ({reasons}); the recipe allows "
            f"{limit:.0%}. Mend the source and build into a new folder, or raise limits.drop_rate and give --redo."
        )


def _show(build: BuildFolder) -> None:
    """What Prefect's pages show of the build."""
    counts = stage_counts(build)
    create_table_artifact(
        table=[
            {"stage": c.name, "seen": c.seen, "forwarded": c.forwarded, "rejected": sum(c.rejected.values())}
            for c in counts
        ],
        key="stages",
        description="Items by stage",
    )
    create_markdown_artifact(
        markdown=build.dataset.read("README.md").decode().split("---\n", 2)[-1],
        key="card",
        description="The dataset's card",
    )
