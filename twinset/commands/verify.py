"""The command `twinset verify`."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinset.commands.options import DatasetArgument

if TYPE_CHECKING:
    from flows.folder import BuildFolder
    from flows.regenerate import RemadeFake
    from manifests.storage import Folder
    from manifests.verify.findings import Finding

_SHOWN = 50


def verify(
    dataset: DatasetArgument,
    *,
    regenerate: Annotated[
        int, typer.Option(min=0, help="Make so many random fakes again from their manifest lines.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Which fakes are drawn.")] = 0,
    base: Annotated[
        Path | None, typer.Option(help="Folder that the recipe's relative model paths start from.", show_default=False)
    ] = None,
    reals: Annotated[
        list[Path] | None,
        typer.Option(help="Folder, tar or zip with the original photographs, found by sha256.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a dataset against its own records: digests, schema, splits, whole pairs, rejects, attribution."""
    from flows.verify import build_of
    from manifests.verify.run import find_dataset

    folder = find_dataset(dataset)
    build = build_of(dataset)
    findings, counts = _verified(folder, build)
    if not as_json:
        _show_findings(folder, findings, counts)
    if regenerate and findings:
        typer.echo("--regenerate: nothing was made again, because the records do not hold", err=True)
    remade: list[RemadeFake] = []
    if regenerate and not findings:
        remade = _regenerated(folder, build, regenerate, seed=seed, base=base, reals=reals or [])
    if as_json:
        listed = [finding.model_dump() for finding in findings]
        fakes = [fake.model_dump() for fake in remade]
        typer.echo(
            json.dumps({"dataset": str(folder), "findings": listed, "counts": dict(counts), "regenerated": fakes})
        )
    elif remade:
        _show_remade(remade)
    if findings or any(fake.verdict == "different" for fake in remade):
        raise typer.Exit(1)


def _verified(folder: "Folder", build: "BuildFolder | None") -> "tuple[list[Finding], Counter[str]]":
    from flows.verify import check_build
    from manifests.verify.run import Verification

    total = sum(folder.size(name) or 0 for name in folder.files())
    with _bar("verify", total, unit="bytes") as advance:
        verification = Verification(folder, on_file=advance)
        findings = list(verification.findings())
    if build is not None and not findings:
        findings = list(check_build(build))
    return findings, verification.counts


def _regenerated(
    folder: "Folder",
    build: "BuildFolder | None",
    count: int,
    *,
    seed: int,
    base: Path | None,
    reals: Sequence[Path],
) -> "list[RemadeFake]":
    from flows.device import device
    from flows.regenerate import Regeneration, draw
    from flows.verify import RealsAtHand, base_of
    from manifests.dataset import Dataset

    dataset = Dataset.open(str(folder))
    drawn = draw(dataset, count, seed)
    at_hand = RealsAtHand([pair for pair, _ in drawn], build, reals)
    regeneration = Regeneration(dataset, base_of(build, base), at_hand, device())
    remade = []
    with _bar("regenerate", len(drawn), unit="fakes") as advance:
        for fake in regeneration.run(drawn):
            remade.append(fake)
            advance(1)
    return remade


@contextmanager
def _bar(name: str, total: int, *, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, while it is needed."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    counter = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), counter, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(name, total=total)
        yield lambda amount: bars.advance(bar, amount)


def _show_findings(folder: "Folder", findings: "Sequence[Finding]", counts: Mapping[str, int]) -> None:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    for finding in findings[:_SHOWN]:
        typer.echo(str(finding))
    if len(findings) > _SHOWN:
        typer.echo(f"and {len(findings) - _SHOWN} more; --json lists all")
    if findings:
        typer.echo(f"{folder}: {len(findings)} findings", err=True)
        return
    typer.echo(f"{folder}: all is as recorded")
    table = Table(show_header=False)
    for name in ("files", "shards", "pairs", "images", "reals", "groups", "rejects"):
        table.add_row(name, f"{counts.get(name, 0):,}")
    table.add_row("read", decimal(counts.get("bytes", 0)))
    Console(markup=False).print(table)


def _show_remade(remade: "Sequence[RemadeFake]") -> None:
    for fake in remade:
        measured = ""
        if fake.psnr is not None:
            measured = f", max {fake.max_difference}, mean {fake.mean_difference:.4f} of 255, PSNR {fake.psnr:.1f} dB"
        why = f" ({fake.detail})" if fake.detail else ""
        typer.echo(f"{fake.pair_id}.{fake.generator}: {fake.verdict}{measured}{why}")
    totals = Counter(fake.verdict for fake in remade)
    typer.echo("regenerated: " + ", ".join(f"{number} {verdict}" for verdict, number in sorted(totals.items())))
