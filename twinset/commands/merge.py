"""The command `twinset merge`."""

from typing import Annotated

import typer


def merge(
    datasets: Annotated[
        list[str], typer.Argument(help="Two or more datasets, or builds' folders.", show_default=False)
    ],
    out: Annotated[str, typer.Option(help="Folder for the new dataset.", show_default=False)],
    name: Annotated[str, typer.Option(help="The new dataset's name; the first one's when not given.")] = "",
) -> None:
    """Write several datasets as one; splits are kept, what does not fit together is refused."""
    from manifests import merge as rules
    from manifests.dataset import Dataset

    made = rules.merge([Dataset.open(url) for url in datasets], out, name=name)
    typer.echo(f"{made.root}: {sum(shard.pairs for shard in made.header.shards)} pairs, not audited")
