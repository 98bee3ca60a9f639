"""The command `twinset build`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.presets import FULL
from flows.runners import THREADS, Runner, RunnerName
from manifests.errors import GateError, RecipeError, TwinsetError
from twinset.commands.runners import RayAddress, RunnerOption, asked_runner

if TYPE_CHECKING:
    from flows.folder import BuildFolder

Preset = Annotated[
    str, typer.Option(help="Which of the recipe's presets: `debug` and `small` where it has them.", metavar="NAME")
]


def build(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a TOML file.", show_default=False)],
    out: Annotated[str, typer.Option(help="The build's folder: a path or fsspec URL.", show_default=False)],
    *,
    redo: Annotated[
        bool, typer.Option("--redo", help="Take the folder over from an earlier form of the recipe.")
    ] = False,
    train: Annotated[
        bool, typer.Option(help="Train the recipe's classifier on the finished dataset, if it has one.")
    ] = True,
    preset: Preset = "full",
    runner: RunnerOption = RunnerName.THREADS,
    ray_address: RayAddress = "",
    detector: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the detector; by default detector/ in the build. A build in an object store needs one here.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the stages' counts as JSON.")] = False,
) -> None:
    """Build a recipe's dataset, or go on where an earlier run stopped."""
    asked = asked_runner(runner, ray_address)
    build_and_report(
        recipe, out, redo=redo, train=train, as_json=as_json, preset=preset, runner=asked, detector=detector
    )


def build_and_report(
    recipe: Path,
    out: str,
    *,
    redo: bool,
    train: bool,
    as_json: bool,
    preset: str = "full",
    runner: Runner = THREADS,
    detector: Path | None = None,
) -> None:
    """Build, train where the recipe asks for it, write the report, and print a summary."""
    with _built(recipe, out, redo=redo, preset=preset, runner=runner) as (folder, failed):
        conclude(folder, failed, train=train, as_json=as_json, detector=detector)


def dataset_named(named: str, out: Path, *, recipe: Path | None, preset: str, force: bool) -> str:
    """The dataset that a command learns from: the one named, or a recipe's, which is built first into `OUT-build`.

    Args:
        named: a dataset, a build's folder, or a recipe: a file that ends in .toml.
        out: what the command makes of it.
        recipe: the recipe whose tables are taken instead of the dataset's own.
        preset: which of the recipe's presets.
        force: go on where the audit failed.

    Raises:
        GateError: a gate of the build failed.
        RecipeError: a preset is asked for, and no recipe is there that has it.
        TwinsetError: torchrun has started several of us, and a build is one's work.
    """
    if not named.endswith(".toml"):
        if recipe is None and preset != FULL:
            raise RecipeError(
                f"--preset {preset}: presets are a recipe's, and {named} is taken as it was built. Name the recipe with --recipe "
                "too, or leave --preset out."
            )
        return named
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise TwinsetError(
            f"{named}: a recipe is not built by several processes at once. Run `twinset build {named} --out DIR` first, "
            "and give DIR here."
        )
    with _built(Path(named), f"{out}-build", preset=preset) as (folder, failed):
        _report(folder)
        if failed is not None and not force:
            raise failed
    return folder.url


@contextmanager
def _built(
    recipe: Path, out: str, *, redo: bool = False, preset: str = "full", runner: Runner = THREADS
) -> "Iterator[tuple[BuildFolder, GateError | None]]":
    """A recipe's build, done or gone on with, and the gate that stopped it; nobody else works on it meanwhile."""
    from flows.counts import is_finished
    from flows.folder import BuildFolder
    from flows.gate import gate_error
    from flows.inputs import check_inputs
    from flows.occupied import occupied
    from flows.recipe import load_recipe

    def start() -> None:
        from flows.build import build_dataset

        build_dataset(recipe=str(path), out=out, redo=redo, preset=preset, runner=runner)

    path = recipe.absolute()
    folder = BuildFolder(load_recipe(recipe, preset), str(path.parent), out)
    with occupied(folder.folder):
        finished = is_finished(folder)
        # the flow asks both again, but Prefect takes seconds to start, and a mistake is told at once
        if not finished:
            check_inputs(folder)
        folder.claim(redo=redo)
        yield folder, gate_error(folder) if finished else run_to_gate(start)


def conclude(
    folder: "BuildFolder", failed: GateError | None, *, train: bool, as_json: bool, detector: Path | None = None
) -> None:
    """What follows on a run of a build: train where the recipe asks for it, write the report, and print a summary.

    Raises:
        GateError: the one that stopped the run.
    """
    from twinset.commands.report import detector_of
    from twinset.commands.status import show_status
    from twinset.commands.train import train_into

    recipe = folder.recipe
    place = detector_of(folder, detector)
    if train and recipe.classifier is not None and failed is None:
        if place is None:
            typer.echo("no detector is trained: it needs a folder of this machine, --detector DIR", err=True)
        else:
            train_into(str(folder.dataset), str(place), folder.located(recipe.classifier), only_if_stale=True)
    _report(folder, place)
    show_status(folder, as_json=as_json)
    if failed is not None:
        raise failed


def _report(folder: "BuildFolder", detector: Path | None = None) -> None:
    """Write the report where there is a dataset to report of, be it refused by a gate."""
    from twinset.commands.report import refresh_report

    if folder.dataset.size("manifest.jsonl") is not None:
        refresh_report(folder, detector)


def run_to_gate(start: Callable[[], object]) -> GateError | None:
    """Run a flow; a gate that fails is handed back, so that the report can show why.

    Args:
        start: imports the flow and calls it: Prefect must not be imported before it is set up.
    """
    from flows.environment import prepare

    prepare()
    from flows import progress

    with progress.shown():
        try:
            start()
        except GateError as error:
            return error
    return None
