"""rebuild_dataset: from a published manifest to the dataset that it describes; a subflow a stage, a task a chunk."""

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.occupied import occupied
from flows.rebuilding.folder import RebuildFolder
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.rebuilding.reals import RealsStage
from flows.runners import THREADS, Runner
from flows.scheduling import CHUNK, connected, do_pending, run_chunks, take_turn
from manifests.journal import settle


@task(name="rebuild-chunk", **CHUNK)
def rebuild_chunk(url: str, stage: str, index: int) -> int:
    """Do one chunk of one stage.

    Args:
        url: the rebuild's folder.
        stage: the stage's name.
        index: the chunk.
    """
    stages = rebuild_stages(RebuildFolder.open(url))
    asked = next(found for found in stages if found.name == stage)
    take_turn(asked)
    asked.run(index)
    return index


@flow(name="rebuild-stage", flow_run_name="{stage}", persist_result=False)
def rebuild_stage(url: str, stage: str, chunks: list[int]) -> int:
    """Do the pending chunks of one stage, a wave at a time.

    Args:
        url: the rebuild's folder.
        stage: the stage's name.
        chunks: which chunks.
    """
    return run_chunks(rebuild_chunk, url, stage, chunks)


@flow(name="rebuild_dataset", flow_run_name="rebuild-{asked.out}", persist_result=False)
def rebuild_dataset(asked: Rebuild, runner: Runner = THREADS) -> str:
    """Rebuild a dataset from its published manifest, or go on where an earlier run stopped.

    Reals that could not be reached by the earlier run are tried once more.

    Args:
        asked: the manifest, the rebuild's folder, and where to find what it needs.
        runner: who does the chunks.

    Returns:
        What became of each pair: a `RebuildReport` as JSON.

    Raises:
        TwinsetError: bad input, or no pair is left.
    """
    build = prepare(asked)
    with occupied(build.folder):
        return _rebuild(build, runner)


def _rebuild(build: RebuildFolder, runner: Runner) -> str:
    build.folder.sweep()
    settle(build.dataset)
    RealsStage(build).retry_unreachable()
    with connected(runner, str(build.folder)):
        for stage in rebuild_stages(build):
            do_pending(rebuild_stage, stage, runner)
            stage.finish()
    if runner.is_shared:
        build.folder.sweep()  # what lost nodes have left
    report = write_report(build)
    create_table_artifact(
        table=[{"verdict": verdict, "pairs": count} for verdict, count in report.counts.items()],
        key="rebuild",
        description="What became of the manifest's pairs",
    )
    return report.model_dump_json()
