"""The command `twinset evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manifests.errors import DatasetError, printable
from twinset.commands.options import LabelColumn, LayoutOption

if TYPE_CHECKING:
    from classifier.evaluation_report import DetectorEvaluation, Evaluation
    from flows.evaluate import Evaluated


def evaluate(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="DETECTOR... IMAGES",
            help="One or several detectors (a folder that `twinset train` wrote, a checkpoint, a model on the Hub, "
            "cnndetection=FILE, univfd=FILE[,CLIP], or npr=FILE), and last what they are measured on: a dataset, a build, "
            "or labelled images from elsewhere: a folder {real,fake}, Parquet files, a CSV of paths.",
            show_default=False,
        ),
    ],
    *,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option(help="Which split; by default test of a dataset, all of a folder.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for metrics.json, predictions.parquet and evaluation.html; by default evaluation-NAME/ here.",
            show_default=False,
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Also try JPEG, WebP, resizing, blur, noise, crops and chains of them."),
    ] = False,
    robustness_groups: Annotated[
        int, typer.Option(help="How many pairs (or groups of each class) that is tried on.", min=5)
    ] = 100,
    layout: LayoutOption = None,
    label_column: LabelColumn = "label",
    label_name: Annotated[
        list[str] | None,
        typer.Option(help="NAME=real or NAME=fake: what a label or a folder's name means. May be repeated."),
    ] = None,
    of_class: Annotated[
        Literal["real", "fake"] | None,
        typer.Option("--all", help="All images of the folder are this; nothing in it is named after a label."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json.")] = False,
) -> None:
    """Measure detectors on images, side by side, with intervals; thresholds stay as validation chose them."""
    if len(targets) < 2:
        raise DatasetError(f"{targets[0]}: give at least one detector, and after it the images to evaluate on.")
    # what can be asked without torch, which takes seconds, is asked first
    from classifier.whereabouts import check_whereabouts
    from flows.audit import results_folder
    from flows.evaluation_images import open_images

    *detectors, target = targets
    for detector in detectors:
        if "=" not in detector:
            check_whereabouts(detector)
    images = open_images(
        target, split, layout=layout, label_column=label_column, label_names=label_name or (), of_class=of_class
    )
    folder = results_folder((out or Path(f"evaluation-{images.described.name}")).absolute())
    from flows.evaluate import evaluate_detectors

    found = evaluate_detectors(detectors, images, robustness_groups=robustness_groups if robustness else 0)
    write_evaluation(found, folder)
    if as_json:
        # in ASCII: names in foreign data stay escaped on a terminal too
        typer.echo(found.evaluation.model_dump_json(indent=2, ensure_ascii=True))
    else:
        show_evaluation(found.evaluation)
    typer.echo(printable(f"evaluation: {folder / 'evaluation.html'}"), err=True)


def write_evaluation(found: "Evaluated", folder: Path) -> None:
    """Write `metrics.json`, `predictions.parquet` and `evaluation.html`."""
    from classifier.images import judged_pixels
    from classifier.report import METRICS, PREDICTIONS
    from manifests.storage import Folder
    from pages.audit_images import NamedImage, thumbnails
    from pages.evaluation_page import render_evaluation, shown_names

    names = shown_names(found.evaluation)
    images = thumbnails((NamedImage(*image) for image in found.images.pick(names)), names, judged_pixels)
    page = render_evaluation(found.evaluation, images)
    place = Folder.at(str(folder))
    place.write(METRICS, found.evaluation.model_dump_json(indent=2).encode() + b"\n")
    place.write(PREDICTIONS, found.scored.to_parquet())
    place.write("evaluation.html", page.encode())


def show_evaluation(evaluation: "Evaluation") -> None:
    """Print a line a detector."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    data = evaluation.data
    title = f"{data.name}{f', {data.split}' if data.split else ''}: {data.n_real} reals, {data.n_fake} fakes"
    table = Table(title=printable(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("detector", "AUC", "balanced\naccuracy", "TPR\nat 1 % FPR", "FPR", "FNR", "ECE"):
        table.add_column(column, justify="left" if column == "detector" else "right")
    for detector in evaluation.detectors:
        table.add_row(
            printable(detector.name),
            _with_interval(detector, "auc"),
            _with_interval(detector, "balanced_accuracy"),
            _with_interval(detector, "tpr_at_1_fpr"),
            _with_interval(detector, "false_positive_rate"),
            _with_interval(detector, "false_negative_rate"),
            _with_interval(detector, "ece"),
        )
    # names come from the data and are no markup
    console = Console(markup=False)
    console.print(table)
    console.print("Below each value: the ends of its 95 % interval.")
    skipped = ", ".join(f"{count} {reason}" for reason, count in data.skipped.items())
    for note in (*data.notes, *([f"Not scored: {skipped}."] if skipped else [])):
        console.print(printable(f"note: {note}"), soft_wrap=True)


def _with_interval(detector: "DetectorEvaluation", figure: str) -> str:
    value = _number(getattr(detector.metrics, figure))
    interval = detector.metrics.intervals.get(figure)
    return f"{value}\n{interval[0]:.3f}\n{interval[1]:.3f}" if interval else value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
