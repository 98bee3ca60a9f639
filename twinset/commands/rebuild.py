"""The command `twinset rebuild`."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.runners import Runner, RunnerName
from twinset.commands.runners import RayAddress, RunnerOption, asked_runner

if TYPE_CHECKING:
    from flows.rebuilding.outcome import RebuildReport
    from flows.rebuilding.preparing import Rebuild

_LISTED = 20
"""Missing or differing pairs that are printed; `rebuild.json` names them all."""


def rebuild(
    manifest: Annotated[
        str, typer.Argument(help="A published manifest.jsonl: a path or fsspec URL.", show_default=False)
    ],
    *,
    out: Annotated[str, typer.Option(help="The rebuild's folder: a path or fsspec URL.", show_default=False)],
    map_url: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW: ask URLs that begin with OLD at NEW instead. May be repeated.", show_default=False),
    ] = None,
    private_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask this host although its address is not on the public internet. May be repeated.",
            show_default=False,
        ),
    ] = None,
    archive: Annotated[
        list[str] | None,
        typer.Option(
            help="A local folder, tar, tar of tars or zip to take reals from, by sha256. May be repeated.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str, typer.Option(help="The folder that the models' relative paths start from. [default: the manifest's]")
    ] = "",
    tombstones: Annotated[
        str, typer.Option(help="A tombstones.jsonl to honour. [default: the one beside the manifest]")
    ] = "",
    against: Annotated[
        str, typer.Option(help="The original dataset, to measure by. [default: the shards beside the manifest, if any]")
    ] = "",
    runner: RunnerOption = RunnerName.THREADS,
    ray_address: RayAddress = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each pair as JSON.")] = False,
) -> None:
    """Make a dataset again from its published manifest, or go on where an earlier run stopped.

    The same reals are fetched, the recorded settings make the fakes again, and a report says what is identical, close,
    changed or gone. A pair whose real is missing is left out whole.
    """
    from flows.gate import gate_error
    from flows.rebuilding.preparing import Rebuild, prepare

    asked = Rebuild(
        manifest=manifest,
        out=out,
        base=base,
        url_map=tuple(map_url or ()),
        private_hosts=tuple(private_host or ()),
        archives=tuple(archive or ()),
        tombstones=tombstones,
        against=against,
    )
    workers = asked_runner(runner, ray_address)
    # the flow prepares again, but Prefect takes seconds to start, and a mistake is told at once
    build = prepare(asked)
    report = _run(asked, workers)
    if as_json:
        typer.echo(report.model_dump_json())
    else:
        _show(report, str(build.folder))
    if (failed := gate_error(build)) is not None:
        raise failed


def _run(asked: "Rebuild", runner: Runner) -> "RebuildReport":
    from flows.environment import prepare

    prepare()
    from flows import progress
    from flows.rebuild import rebuild_dataset
    from flows.rebuilding.outcome import RebuildReport

    with progress.shown():
        return RebuildReport.model_validate_json(rebuild_dataset(asked, runner))


def _show(report: "RebuildReport", folder: str) -> None:
    """Print the counts, and the first pairs that are not identical."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    counts = Table(box=box.SIMPLE_HEAD, show_edge=False)
    counts.add_column("verdict", no_wrap=True)
    counts.add_column("pairs", no_wrap=True, justify="right")
    for verdict, count in report.counts.items():
        if count or verdict == "identical":
            counts.add_row(verdict, str(count))
    console = Console(markup=False)  # what a manifest says is no markup
    console.print(f"{report.name}, rebuilt in {folder}", soft_wrap=True)
    console.print(counts)
    others = [pair for pair in report.pairs if pair.verdict != "identical"]
    if not others:
        return
    pairs = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("pair", "verdict", "what"):
        pairs.add_column(column, no_wrap=column != "what")
    for pair in others[:_LISTED]:
        level = "" if pair.psnr is None else f", {pair.psnr:.1f} dB"
        pairs.add_row(pair.pair_id, pair.verdict, pair.detail or f"{', '.join(pair.differing)}{level}")
    console.print()
    console.print(pairs)
    if len(others) > _LISTED:
        console.print(f"... and {len(others) - _LISTED} more: {folder}/rebuild.json names them all.")
    if report.counts["unreachable"]:
        console.print(
            "Some reals could not be reached: run the same command again to try those once more, with --private-host for "
            "addresses in a network of your own."
        )
    if report.counts["not-measured"]:
        console.print("Other bytes than recorded: give --against with the original dataset to see how far they differ.")
