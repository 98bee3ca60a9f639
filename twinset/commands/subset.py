"""The command `twinset subset`."""

from typing import Annotated

import typer

from twinset.commands.options import DatasetArgument


def subset(
    dataset: DatasetArgument,
    out: Annotated[str, typer.Option(help="Folder for the new dataset.", show_default=False)],
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=VALUE[,VALUE…]: split, view, source, class, license, or generator (whose fakes are kept). "
            "All that are given have to hold."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pairs, drawn by a hash.")] = None,
    name: Annotated[str, typer.Option(help="The new dataset's name; as before when not given.")] = "",
) -> None:
    """Write a part of a dataset as a dataset of its own; every pair stays in its split."""
    from manifests import subset as rules
    from manifests.dataset import Dataset

    chosen = rules.parse_filter(where or [])
    made = rules.subset(Dataset.open(dataset), out, chosen, limit=limit, name=name)
    typer.echo(f"{made.root}: {sum(shard.pairs for shard in made.header.shards)} pairs, not audited")
