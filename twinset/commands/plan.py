"""The command `twinset plan`."""

import json
from pathlib import Path
from typing import Annotated

import typer


def plan(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a TOML file.", show_default=False)],
    count: Annotated[
        bool, typer.Option("--count", help="Read the sources' lists through to count their images.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what building a recipe would do: counts, chunks, disk, GPU-hours. Nothing is downloaded or made."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from flows.plan import plan_recipe
    from flows.recipe import load_recipe

    planned = plan_recipe(load_recipe(recipe), recipe.absolute().parent, count=count)
    if as_json:
        typer.echo(json.dumps(planned.model_dump(mode="json")))
        return
    console = Console(markup=False)  # a model's path is none
    sources = Table(title=f"{planned.name}: sources", title_justify="left")
    for column in ("source", "images"):
        sources.add_column(column)
    for source in planned.sources:
        sources.add_row(source.name, f"{source.images:,}" if source.images is not None else "not counted: give --count")
    console.print(sources)
    generators = Table(title="generators", title_justify="left")
    for column in ("generator", "method", "model", "fakes, at most", "GPU-hours (one H200)"):
        generators.add_column(column)
    for generator in planned.generators:
        hours = "" if generator.gpu_hours is None else f"{generator.gpu_hours:,.1f}"
        fakes = "" if generator.fakes is None else f"{generator.fakes:,}"
        generators.add_row(generator.name, generator.method, generator.model, fakes, hours)
    console.print(generators)
    if planned.pairs is not None:
        console.print(f"pairs, at most: {planned.pairs:,} in views {', '.join(planned.views)}")
        console.print(f"chunks: {planned.chunks:,} a stage; shards, at most: {planned.shards:,}")
        console.print(
            f"disk: about {decimal(planned.disk_bytes)}, of which the dataset {decimal(planned.dataset_bytes)}"
        )
    console.print("Before screening: what is dropped comes off. Nothing was downloaded or made.")
