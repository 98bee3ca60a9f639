"""The command `twinset takedown`."""

import json
from typing import Annotated

import typer

from twinset.commands.options import DatasetArgument


def takedown(
    dataset: DatasetArgument,
    *,
    ids: Annotated[str | None, typer.Option(help="File of pair ids, keys or source ids, one a line.")] = None,
    urls: Annotated[str | None, typer.Option(help="File of image or landing-page URLs, one a line.")] = None,
    domains: Annotated[str | None, typer.Option(help="File of domains of those URLs, one a line.")] = None,
    sha256: Annotated[str | None, typer.Option(help="File of digests of the original files, one a line.")] = None,
    reason: Annotated[str, typer.Option(help="Why, as rejects.jsonl will say; name nobody.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Remove real images and every fake made from them, and leave tombstones that later builds honour."""
    from flows.takedown import take_down
    from manifests.wanted import Kind, read_wanted

    lists: list[tuple[Kind, str | None]] = [("ids", ids), ("urls", urls), ("domains", domains), ("sha256", sha256)]
    wanted = read_wanted((kind, url) for kind, url in lists if url is not None)
    done = take_down(dataset, wanted, reason)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "dataset": done.dataset,
                    "images": done.images,
                    "pairs": [pair.pair_id for pair in done.pairs],
                    "shards": done.shards,
                    "erased": done.erased,
                    "unknown": done.unknown,
                }
            )
        )
        return
    typer.echo(
        f"{done.dataset}: {done.images} images taken down, {len(done.pairs)} pairs removed, "
        f"{done.shards} shards changed, {done.erased} entries erased from the work folder"
    )
    if done.unknown:
        typer.echo(f"{len(done.unknown)} entries were not found: {', '.join(done.unknown[:5])}", err=True)
    if done.pairs:
        typer.echo("the audit's verdict is that of the dataset before: run `twinset audit` to ask again", err=True)
