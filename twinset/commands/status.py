"""The command `twinset status`."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.folder import BuildFolder


def status(
    folder: Annotated[str, typer.Argument(help="The build's folder, or the dataset in it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each stage's progress, what was dropped and why, and how fast it went."""
    from flows.folder import BuildFolder

    show_status(BuildFolder.open(folder), as_json=as_json)


def show_status(build: "BuildFolder", *, as_json: bool) -> None:
    """Print the stages' counts as a table or as JSON."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from flows.counts import stage_counts
    from flows.waves import shortfall

    counts = stage_counts(build)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(count) for count in counts]))
        return
    stages = Table(title=str(build.folder), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("stage", "chunks", "seen", "", "forwarded", "rejected", "speed"):
        stages.add_column(column, no_wrap=True, justify="left" if column in ("stage", "") else "right")
    rejects = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("rejected at", "why", "items"):
        rejects.add_column(column, no_wrap=True, justify="right" if column == "items" else "left")
    for count in counts:
        stages.add_row(
            count.name,
            f"{count.chunks_done}/{count.chunks}" if count.chunks else str(count.chunks_done),
            str(count.seen),
            count.unit,
            str(count.forwarded),
            str(sum(count.rejected.values())),
            _speed(count.seen, count.seconds),
        )
        for reason, number in count.rejected.items():
            rejects.add_row(count.name, reason, str(number))
    # a folder's name is no markup
    console = Console(markup=False)
    console.print(stages)
    if rejects.row_count:
        console.print()
        console.print(rejects)
    if missing := shortfall(build):
        console.print(f"\nwarning: {missing}", soft_wrap=True)


def _speed(items: int, seconds: float) -> str:
    """Items a second of work."""
    if seconds <= 0:
        return ""
    rate = items / seconds
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
