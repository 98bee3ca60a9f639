"""The command `twinset plan`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinset.commands.build import Preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from flows.plan import Plan
    from flows.published import Published


def plan(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a TOML file.", show_default=False)],
    count: Annotated[
        bool, typer.Option("--count", help="Read the sources' lists through to count their images.")
    ] = False,
    preset: Preset = "full",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what building a recipe would do: counts, chunks, disk, GPU-hours. Nothing is downloaded or made."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from flows.plan import plan_recipe
    from flows.published import load_published
    from flows.recipe import load_recipe

    published = load_published(recipe)
    planned = plan_recipe(load_recipe(recipe, preset), recipe.absolute().parent, count=count, published=published)
    if as_json:
        typer.echo(json.dumps(planned.model_dump(mode="json")))
        return
    console = Console(markup=False)  # a model's path is none
    sources = Table(title=f"{planned.name}: sources", title_justify="left")
    for column in ("source", "images"):
        sources.add_column(column)
    for source in planned.sources:
        counted = f"{source.images:,}" if source.images is not None else "not counted: give --count"
        sources.add_row(source.name, f"{counted} (not here: {source.absent})" if source.absent else counted)
    console.print(sources)
    generators = Table(title="generators", title_justify="left")
    for column in ("generator", "method", "model", "fakes, at most", "GPU-hours (one H200)"):
        generators.add_column(column, overflow="fold")
    for generator in planned.generators:
        hours = "" if generator.gpu_hours is None else f"{generator.gpu_hours:,.1f}"
        fakes = "" if generator.fakes is None else f"{generator.fakes:,}"
        model = f"{generator.model}\n{generator.settings}" if generator.settings else generator.model
        generators.add_row(generator.name, generator.method, model, fakes, hours)
    if planned.generators:
        console.print(generators)
    if planned.target_pairs is not None:
        console.print(_target(planned), soft_wrap=True)
    if planned.pairs is not None:
        unit = "images" if planned.are_singles else "pairs"
        console.print(f"{unit}, at most: {planned.pairs:,} in views {', '.join(planned.views)}")
        if planned.splits is not None:
            console.print(f"splits: {', '.join(f'{split} {number:,}' for split, number in planned.splits.items())}")
        console.print(f"chunks: {planned.chunks:,} a stage; shards, at most: {planned.shards:,}")
        console.print(
            f"disk: about {decimal(planned.disk_bytes)}, of which the dataset {decimal(planned.dataset_bytes)}"
        )
    if planned.published is not None:
        console.print(_published(planned.published, planned.counts))
    console.print("Before screening: what is dropped comes off. Nothing was downloaded or made.")


def _published(published: "Published", planned: "Mapping[str, int]") -> "Table":
    """What others have published, labelled so, beside what the recipe would give."""
    from rich.table import Table

    table = Table(title="beside what was published, which nothing here has measured", title_justify="left")
    table.caption, table.caption_justify = f"from: {published.source}", "left"
    for column in ("", "this recipe", "published"):
        table.add_column(column)
    for name, number in published.counts.items():
        own = planned.get(name)
        table.add_row(name, "" if own is None else f"{own:,}", f"{number:,}")
    if published.parameters is not None:
        table.add_row("parameters", "", f"{published.parameters:,}")
    for name, value in published.metrics.items():
        table.add_row(name, "", f"{value:g}")
    for assumption in published.unverified:
        table.add_row("unverified", "", assumption)
    return table


def _target(planned: "Plan") -> str:
    """What the target of pairs means."""
    if planned.made is None:
        return f"target: {planned.target_pairs:,} pairs"
    if planned.pairs != planned.target_pairs:
        return (
            f"target: {planned.target_pairs:,} pairs, but the sources give {planned.made:,} at most. "
            "Raise their limits, add a source, or ask for less."
        )
    return (
        f"target: {planned.target_pairs:,} pairs out of {planned.made:,} that are made where none is dropped; "
        "for those that are, further images are drawn, a chunk at a time"
    )
