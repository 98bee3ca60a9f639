"""The command `twinset doctor`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinset.commands.build import Preset

if TYPE_CHECKING:
    from flows.doctor.findings import Finding

_STYLES = {"ok": "green", "warning": "yellow", "missing": "bold red"}


def doctor(
    recipe: Annotated[
        Path | None, typer.Argument(help="A recipe: what it needs is looked for, too.", show_default=False)
    ] = None,
    preset: Preset = "full",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at the machine, the installation and the network, and say what is missing and how to mend it.

    Exit code: 0 where a build can run, 1 where something that is needed is missing.
    """
    from flows.doctor.examination import examine
    from flows.recipe import load_recipe

    checked = None if recipe is None else load_recipe(recipe, preset)
    found = examine(checked, Path() if recipe is None else recipe.absolute().parent)
    if as_json:
        typer.echo(json.dumps([finding.model_dump() for finding in found]))
    else:
        _show(found)
    if any(finding.state == "missing" for finding in found):
        raise typer.Exit(1)


def _show(found: "list[Finding]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in found:
        state = Text(finding.state, style=_STYLES[finding.state])
        table.add_row(state, Text(finding.name), Text(finding.found), Text(finding.remedy))
    Console(markup=False).print(table)
