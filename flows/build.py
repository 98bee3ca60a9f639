"""build_dataset: the whole way from sources to an audited dataset; a subflow a stage, a task a chunk.

Prefect schedules, retries and shows; the disk alone says what is done, so Prefect's own caching is off.
"""

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.gate import gate_error
from flows.inputs import check_inputs
from flows.occupied import occupied
from flows.presets import FULL
from flows.recipe import load_recipe
from flows.runners import THREADS, Runner
from flows.scheduling import CHUNK, connected, do_pending, run_chunks, take_turn
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage, StageCount
from flows.waves import stages_in_order
from manifests.dataset import refuse_inside_dataset
from manifests.errors import GateError
from manifests.journal import settle
from manifests.records import Reason

_ASKED_FOR = (Reason.SURPLUS, Reason.TAKEN_DOWN, Reason.SCORE, Reason.UNMATCHED)
"""Reasons that say nothing against a source."""


@task(name="chunk", **CHUNK)
def run_chunk(url: str, stage: str, index: int) -> int:
    """Do one chunk of one stage.

    Args:
        url: the build's folder.
        stage: the stage's name.
        index: the chunk.
    """
    asked = _stage(BuildFolder.open(url), stage)
    take_turn(asked)
    asked.run(index)
    return index


@flow(name="stage", flow_run_name="{stage}", persist_result=False)
def run_stage(url: str, stage: str, chunks: list[int]) -> int:
    """Do the pending chunks of one stage, a wave at a time.

    Args:
        url: the build's folder.
        stage: the stage's name.
        chunks: which chunks.
    """
    return run_chunks(run_chunk, url, stage, chunks)


@flow(name="build_dataset", flow_run_name="build-{out}", persist_result=False)
def build_dataset(recipe: str, out: str, redo: bool = False, preset: str = FULL, runner: Runner = THREADS) -> str:
    """Build a recipe's dataset, or go on where an earlier run stopped.

    Args:
        recipe: path of the recipe.
        out: the build's folder, a path or fsspec URL.
        redo: take over a folder that was built from an earlier form of the recipe.
        preset: which of the recipe's presets to build.
        runner: who does the chunks.

    Returns:
        The dataset's folder.

    Raises:
        GateError: a stage dropped more than the recipe allows, or the audit failed.
        TwinsetError: bad input.
    """
    path = Path(recipe).absolute()
    build = BuildFolder(load_recipe(path, preset), str(path.parent), out)
    refuse_inside_dataset(out)
    with occupied(build.folder):
        check_inputs(build)
        build.claim(redo=redo)
        return go_on(build, runner)


def go_on(build: BuildFolder, runner: Runner) -> str:
    """Do whatever a claimed build still has to do; called from a flow.

    Args:
        build: the build.
        runner: who does the chunks.

    Returns:
        The dataset's folder.

    Raises:
        GateError: a stage dropped more than the recipe allows, or the audit failed.
    """
    build.folder.sweep()
    settle(build.dataset)
    with connected(runner, str(build.folder)):
        for stage in stages_in_order(build):
            do_pending(run_stage, stage, runner)
            stage.finish()
            _check_drop_rate(stage.counts(), build.recipe.limits.drop_rate)
    if runner.is_shared:
        build.folder.sweep()  # what lost nodes have left
    _show(build)
    if (failed := gate_error(build)) is not None:
        raise failed
    return str(build.dataset)


def _stage(build: BuildFolder, name: str) -> BuildStage:
    return next(stage for stage in build_stages(build) if stage.name == name)


def _check_drop_rate(counts: StageCount, limit: float) -> None:
    """Stop when a stage dropped too much; what the recipe itself asked to leave out does not count."""
    dropped = {reason: number for reason, number in counts.rejected.items() if reason not in _ASKED_FOR}
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
