"""The command `twinset continue`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinset.commands.options import DeviceOption, PresetOption

if TYPE_CHECKING:
    from classifier.continuing import Forgetting
    from classifier.report import SplitMetrics


def continue_(
    detector: Annotated[Path, typer.Argument(help="The trained detector's folder.", show_default=False)],
    dataset: Annotated[
        str,
        typer.Argument(
            help="The new dataset, or its build's folder; or a recipe, which is built first, into OUT-build.",
            metavar="DATASET|RECIPE",
            show_default=False,
        ),
    ],
    replay: Annotated[
        list[str],
        typer.Option(
            help="A dataset that was learnt from before, to be rehearsed. May be repeated.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the new detector.", show_default=False)],
    *,
    recipe: Annotated[
        Path | None, typer.Option(help="Take the table [continue] from this recipe instead of the new dataset's own.")
    ] = None,
    preset: PresetOption = "full",
    force: Annotated[bool, typer.Option("--force", help="Train even where the new dataset's audit failed.")] = False,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Let a detector learn a new dataset while it rehearses earlier ones, and report what it forgot."""
    from twinset.commands.build import dataset_named

    dataset = dataset_named(dataset, out, recipe=recipe, preset=preset, force=force)
    from flows.environment import prepare

    prepare()
    from classifier.continuing import FORGETTING, Forgetting
    from classifier.processes import Processes
    from flows.continue_ import continue_detector

    report = continue_detector(
        detector=str(detector),
        dataset=dataset,
        replay=replay,
        out=str(out),
        recipe=str(recipe.absolute()) if recipe is not None else None,
        preset=preset,
        progress=sys.stderr.isatty(),
        force=force,
        device=device,
    )
    if not Processes.of_environment().is_first:
        return
    forgetting = Forgetting.model_validate_json(report)
    if as_json:
        typer.echo(report)
    else:
        _show(forgetting)
    typer.echo(f"detector: {out}; what was kept and forgotten: {out / FORGETTING}", err=True)


def _show(forgetting: "Forgetting") -> None:
    """Print AUC and balanced accuracy on each dataset, before and after."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"rehearsed {forgetting.rehearsed} of {forgetting.available} earlier pairs",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for column in ("dataset", "on test", "before (95 %)", "after (95 %)"):
        table.add_column(column, no_wrap=column != "dataset", overflow="fold")
    for kept in forgetting.datasets:
        name = f"{kept.dataset} (new)" if kept.is_new else kept.dataset
        table.add_row(name, "AUC", _figure(kept.before, "auc"), _figure(kept.after, "auc"))
        accuracies = (_figure(metrics, "balanced_accuracy") for metrics in (kept.before, kept.after))
        table.add_row("", "balanced accuracy", *accuracies)
    Console(markup=False).print(table)


def _figure(metrics: "SplitMetrics", name: str) -> str:
    value: float | None = getattr(metrics, name)
    if value is None:
        return ""
    interval = metrics.intervals.get(name)
    return f"{value:.3f} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else f"{value:.3f}"
