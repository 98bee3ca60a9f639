"""The command `twinset demo`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.runners import RunnerName
from twinset.commands.runners import RayAddress, RunnerOption, asked_runner

RECIPE = Path(__file__).parents[2] / "recipes" / "demo.toml"
PHOTOGRAPHS = 600


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for world, dataset, detector and report. Default: runs/demo, or runs/RECIPE.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(help="Run this shipped recipe in small instead, on a world of its own: realfake, distilled, ..."),
    ] = RECIPE.stem,
    runner: RunnerOption = RunnerName.THREADS,
    ray_address: RayAddress = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the stages' counts as JSON.")] = False,
) -> None:
    """Run the whole way on a small world of rendered scenes: download, caption, generate, align, audit, train, report.

    The scenes are served on the loopback address and the models are tiny, but every step is the real one.
    """
    asked = asked_runner(runner, ray_address)
    out = out or Path("runs") / recipe
    if recipe != RECIPE.stem:
        from twinset.commands.demo_recipes import demo_recipe

        demo_recipe(recipe, out, as_json=as_json, runner=asked)
        return
    from demo.server import demo_world
    from twinset.commands.build import build_and_report

    typer.echo(f"demo: {PHOTOGRAPHS} rendered photographs in {out / 'world'}, served on this machine alone", err=True)
    with demo_world(out / "world", PHOTOGRAPHS):
        build_and_report(RECIPE, str(out / "build"), redo=False, train=True, as_json=as_json, runner=asked)
