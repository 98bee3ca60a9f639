"""retry_build: second tries for what failed for a reason that may pass, and for nothing else; then the build goes on."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import progress
from flows.build import go_on
from flows.failures import failed_chunks, forget_failed
from flows.folder import BuildFolder
from flows.inputs import check_inputs
from flows.occupied import occupied
from flows.runners import THREADS, Runner
from flows.stages.reals import RealsStage

_FETCHES: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=4)
"""A chunk fetches many at once by itself."""


@task(name="fetch-again", task_run_name="fetch-again-{index}", cache_policy=NO_CACHE, persist_result=False)
def fetch_again(url: str, index: int) -> int:
    """Ask again for what one chunk of reals is missing.

    Args:
        url: the build's folder.
        index: the chunk.
    """
    RealsStage(BuildFolder.open(url)).fetch_again(index)
    return index


@flow(name="retry_build", flow_run_name="retry-{out}", persist_result=False, task_runner=_FETCHES)
def retry_build(out: str, runner: Runner = THREADS) -> str:
    """Try again what may succeed now, and bring the build to its end.

    What was fetched is not fetched again. A chunk that a machine failed is done again as a whole, since what its items
    become depends on their batch.

    Args:
        out: the build's folder, a path or fsspec URL.
        runner: who does the chunks of what comes after.

    Returns:
        The dataset's folder.

    Raises:
        GateError: a stage dropped more than the recipe allows, or the audit failed.
        TwinsetError: bad input.
    """
    build = BuildFolder.open(out)
    with occupied(build.folder):
        check_inputs(build)
        fetches = [chunk.index for chunk in failed_chunks(build) if chunk.stage == RealsStage.label]
        forget_failed(build)
        with progress.stage("fetch again", len(fetches)) as bar:
            for future in as_completed([fetch_again.submit(out, index) for index in fetches]):
                future.result()
                bar.advance()
        return go_on(build, runner)
