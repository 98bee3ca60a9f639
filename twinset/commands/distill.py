"""The command `twinset distill`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from manifests.errors import TwinsetError, printable
from twinset.commands.options import DeviceOption, PresetOption

if TYPE_CHECKING:
    from flows.evaluation_images import EvaluationImages

_WATCHED: Final = "validation"
"""The split on which student and teachers are compared."""


def distill(
    dataset: Annotated[
        str,
        typer.Argument(
            help="The student's dataset, or its build's folder; or a recipe, which is built first, into OUT-build.",
            metavar="DATASET|RECIPE",
            show_default=False,
        ),
    ],
    teachers: Annotated[
        list[Path],
        typer.Option(help="A trained specialist: its folder, or a checkpoint. May be repeated.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the student.", show_default=False)],
    *,
    real_world: Annotated[
        list[str] | None,
        typer.Option(
            "--real-world",
            help="Labelled images from elsewhere, on which student and teachers are compared too: a folder {real,fake}, "
            "Parquet files, a CSV of paths. May be repeated.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Take the tables [classifier] and [distill] from this recipe instead of the dataset's own."),
    ] = None,
    preset: PresetOption = "full",
    force: Annotated[bool, typer.Option("--force", help="Train even where the audit failed.")] = False,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Let trained specialists teach one student: each is calibrated, and the labels stay in the loss.

    Student and teachers are then compared on the validation split, and on images
    of the real world.
    """
    others = labelled_sets(real_world or ())
    from twinset.commands.build import dataset_named

    dataset = dataset_named(dataset, out, recipe=recipe, preset=preset, force=force)
    from flows.environment import prepare

    prepare()
    from classifier.processes import Processes
    from flows.distill import distill_detector

    report = distill_detector(
        dataset=dataset,
        teachers=[str(teacher) for teacher in teachers],
        out=str(out),
        recipe=str(recipe.absolute()) if recipe is not None else None,
        preset=preset,
        progress=sys.stderr.isatty(),
        force=force,
        device=device,
    )
    if not Processes.of_environment().is_first:
        return
    if as_json:
        typer.echo(report)
    compare([str(out), *map(str, teachers)], dataset, others, out, quiet=as_json)
    typer.echo(printable(f"detector: {out}"), err=True)


def labelled_sets(places: Sequence[str]) -> "list[EvaluationImages]":
    """Open what is compared on beside the validation split: all that is wrong with it is said before anything is trained.

    Raises:
        DatasetError: there is no such place, or nothing there is labelled.
        TwinsetError: two of them have one name, by which their evaluations are told apart.
    """
    from flows.evaluation_images import open_images

    opened: dict[str, EvaluationImages] = {}
    for place in places:
        images = open_images(place, None)
        name = images.described.name
        if name in opened or name == _WATCHED:
            raise TwinsetError(f"{place}: another evaluation is called {name!r} too. Rename one of the folders.")
        opened[name] = images
    return list(opened.values())


def compare(
    detectors: list[str], dataset: str, others: "Sequence[EvaluationImages]", out: Path, *, quiet: bool
) -> None:
    """Measure the detectors side by side on the validation split and on other images; a page of each in the folder.

    Args:
        detectors: folders.
        dataset: whose validation split is looked at.
        others: labelled images from elsewhere.
        out: the folder in which `evaluation-NAME/` are written.
        quiet: print nothing.
    """
    from flows.evaluate import evaluate_detectors
    from flows.evaluation_images import open_images
    from twinset.commands.evaluate import show_evaluation, write_evaluation

    named = [(_WATCHED, open_images(dataset, _WATCHED)), *((images.described.name, images) for images in others)]
    for name, images in named:
        found = evaluate_detectors(detectors, images)
        write_evaluation(found, out.absolute() / f"evaluation-{name}")
        if not quiet:
            show_evaluation(found.evaluation)
