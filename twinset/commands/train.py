"""The command `twinset train`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinset.commands.options import DeviceOption, PresetOption

if TYPE_CHECKING:
    from classifier.config import ClassifierConfig


def train(
    dataset: Annotated[
        str,
        typer.Argument(
            help="The dataset, or its build's folder; or a recipe, which is built first, into OUT-build.",
            metavar="DATASET|RECIPE",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the detector.", show_default=False)],
    *,
    recipe: Annotated[
        Path | None, typer.Option(help="Take the classifier table from this recipe instead of the dataset's own.")
    ] = None,
    preset: PresetOption = "full",
    force: Annotated[bool, typer.Option("--force", help="Train even where the audit failed.")] = False,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train a detector on a dataset's shards, and measure it."""
    from twinset.commands.build import dataset_named

    config = _classifier_of(recipe, preset) if recipe is not None else None
    dataset = dataset_named(dataset, out, recipe=recipe, preset=preset, force=force)
    from classifier.processes import Processes

    metrics = train_into(dataset, str(out), config, force=force, device=device)
    if as_json and Processes.of_environment().is_first:
        typer.echo(json.dumps(metrics))


def _classifier_of(recipe: Path, preset: str) -> "ClassifierConfig":
    from flows.recipe import load_recipe, located
    from manifests.errors import RecipeError

    config = load_recipe(recipe, preset).classifier
    if config is None:
        raise RecipeError(f"{recipe}: no table [classifier]. Add one, or leave --recipe out to take the dataset's own.")
    return located(config, recipe.absolute().parent)


def train_into(
    dataset: str,
    out: str,
    config: "ClassifierConfig | None",
    *,
    force: bool = False,
    only_if_stale: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Train into a folder, and print what came out.

    Args:
        dataset: the dataset's folder.
        out: the detector's folder.
        config: how to train; the table in the dataset's own recipe when None.
        force: train even where the audit failed.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        only_if_stale: do nothing where the folder holds a detector that was trained so on this very dataset.
    """
    from flows.detectors import is_current
    from manifests.dataset import Dataset

    if only_if_stale and config is not None and is_current(Path(out), Dataset.open(dataset), config):
        metrics: dict[str, Any] = json.loads((Path(out) / "metrics.json").read_text())
        return metrics
    from flows.environment import prepare

    prepare()
    from classifier.processes import Processes
    from flows.train import train_along, train_classifier

    table = config.model_dump(mode="json") if config is not None else None
    if not Processes.of_environment().is_first:
        along: dict[str, Any] = json.loads(train_along(dataset, out, table, force, device))
        return along
    metrics = json.loads(
        train_classifier(
            dataset=dataset, out=out, config=table, progress=sys.stderr.isatty(), force=force, device=device
        )
    )
    test = metrics["test"]
    interval = test["intervals"].get("auc")
    spread = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    typer.echo(
        f"detector: {out}: test AUC {test['auc']:.3f}{spread}, balanced accuracy {test['balanced_accuracy']:.3f}",
        err=True,
    )
    return metrics
