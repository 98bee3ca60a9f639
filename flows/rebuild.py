"""rebuild_dataset: from a published manifest to the dataset that it describes; a subflow a stage, a task a chunk."""

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.rebuilding.folder import RebuildFolder
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.rebuilding.reals import RealsStage
from flows.scheduling import CHUNK, run_chunks, runner
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
    next(found for found in stages if found.name == stage).run(index)
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
def rebuild_dataset(asked: Rebuild) -> str:
    """Rebuild a dataset from its published manifest, or go on where an earlier run stopped.

    Reals that could not be reached by the earlier run are tried once more.

    Args:
        asked: the manifest, the rebuild's folder, and where to find what it needs.

    Returns:
        What became of each pair: a `RebuildReport` as JSON.

    Raises:
        TwinsetError: bad input, or no pair is left.
    """
    build = prepare(asked)
    build.folder.sweep()
    settle(build.dataset)
    RealsStage(build).retry_unreachable()
    for stage in rebuild_stages(build):
        pending = stage.pending()
        if pending:
            rebuild_stage.with_options(task_runner=runner(stage))(str(build.folder), stage.name, pending)
        stage.finish()
    report = write_report(build)
    create_table_artifact(
        table=[{"verdict": verdict, "pairs": count} for verdict, count in report.counts.items()],
        key="rebuild",
        description="What became of the manifest's pairs",
    )
    return report.model_dump_json()
