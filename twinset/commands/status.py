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
    from rich.console import Console
    from rich.table import Table

    from flows.counts import stage_counts

    counts = stage_counts(build)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(count) for count in counts]))
        return
    table = Table(title=str(build.folder), title_justify="left")
    table.add_column("stage")
    for column in ("chunks", "seen", "forwarded", "rejected"):
        table.add_column(column, justify="right")
    table.add_column("why")
    table.add_column("speed", justify="right")
    for count in counts:
        reasons = ", ".join(f"{number} {reason}" for reason, number in count.rejected.items())
        table.add_row(
            count.name,
            f"{count.chunks_done}/{count.chunks}" if count.chunks else str(count.chunks_done),
            f"{count.seen} {count.unit}",
            str(count.forwarded),
            str(sum(count.rejected.values())),
            reasons,
            f"{count.seen / count.seconds:.1f}/s" if count.seconds > 0 else "",
        )
    Console().print(table)
