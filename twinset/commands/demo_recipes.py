"""The shipped recipes in small: each on a world of its own, from the sources to what its detector is in the end."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flows.runners import THREADS, Runner
from manifests.errors import GateError, TwinsetError

if TYPE_CHECKING:
    from flows.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"
_PRESET = "debug"
_SPECIALISTS = ("midjourney", "stable-diffusion", "fine-tunes")
_SECOND_PHASE = "convnext-continual-2"


def demo_recipe(name: str, out: Path, *, as_json: bool, runner: Runner = THREADS) -> None:
    """Build and train a shipped recipe's preset `debug` in a folder, beside the small world that it reads.

    Where the published detector takes more than one training, so does this: specialists and their student, two phases.

    Raises:
        TwinsetError: there is no such recipe; or something fails on the way.
    """
    if name == "distilled":
        _build(name, out, train=False, as_json=as_json, runner=runner)
        _distill(out)
    else:
        _build(name, out, train=True, as_json=as_json, runner=runner)
    if name == "convnext-continual":
        _build(_SECOND_PHASE, out / "phase-2", train=False, as_json=as_json, runner=runner)
        _continue(out)


def _build(name: str, out: Path, *, train: bool, as_json: bool, runner: Runner) -> None:
    """A recipe's dataset in `out/build`; the recipe is copied into the folder, because its paths start from where it lies."""
    from demo.small_sets import small_world
    from twinset.commands.build import build_and_report

    recipe = _recipe(name)
    copy = out / f"{name}.toml"
    typer.echo(f"demo: the sets that {name} reads, in small, in {out / 'world'}", err=True)
    with small_world(name, out / "world"):
        copy.write_bytes((RECIPES / copy.name).read_bytes())
        try:
            build_and_report(
                copy, str(out / "build"), redo=False, train=train, as_json=as_json, preset=_PRESET, runner=runner
            )
        except GateError as failed:
            if recipe.alignment.mode != "naive" or not (out / "build" / "dataset" / "index.json").exists():
                raise
            typer.echo(f"as published, the set is not aligned: {failed}", err=True)
            if train and recipe.classifier is not None:
                _train(recipe, out, "detector")


def _recipe(name: str, preset: str = _PRESET) -> "Recipe":
    from flows.recipe import load_recipe

    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        raise TwinsetError(
            f"--recipe {name}: no such recipe; there are {', '.join(sorted(p.stem for p in RECIPES.glob('*.toml')))}"
        )
    return load_recipe(path, preset)


def _train(recipe: "Recipe", out: Path, detector: str) -> Path:
    """Train on the built dataset whatever its audit said; gives the detector's folder."""
    from twinset.commands.train import train_into

    folder = out / "build" / detector
    train_into(str(out / "build" / "dataset"), str(folder), recipe.classifier, force=True, only_if_stale=True)
    return folder


def _distill(out: Path) -> None:
    from twinset.commands.distill import distill

    teachers = [_train(_recipe("distilled", f"{_PRESET},{name}"), out, name) for name in _SPECIALISTS]
    distill(str(out / "build"), teachers, out / "build" / "detector")


def _continue(out: Path) -> None:
    from twinset.commands.continue_ import continue_

    first, second = out / "build", out / "phase-2" / "build"
    continue_(first / "detector", str(second), [str(first)], out / "detector-2", force=True)
