"""The command `twinset publish`."""

from typing import Annotated

import typer

from twinset.commands.options import DatasetArgument


def publish(
    dataset: DatasetArgument,
    target: Annotated[
        str,
        typer.Argument(
            help="hf://ORG/NAME, s3://BUCKET/PREFIX, or another folder by path or fsspec URL.", show_default=False
        ),
    ],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Publish although the audit failed; the card says so.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository of the Hub private.")] = False,
    work: Annotated[
        str, typer.Option(help="Folder for what has to be written anew. [default: beside the dataset]")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was published as JSON.")] = False,
) -> None:
    """Publish a dataset, or go on where an earlier run was cut off.

    Pairs whose source images are research-only or of unknown terms go as address, digest and settings, without pixels:
    `twinset rebuild` completes them. Tokens are taken from the environment (HF_TOKEN, AWS_…) and written nowhere.
    """
    from contextlib import ExitStack

    from flows.progress import counting
    from flows.publish import publish_dataset
    from manifests.errors import printable

    with ExitStack() as stack:
        done = publish_dataset(
            dataset,
            target,
            force=force,
            private=private,
            work=work,
            progress=lambda files: stack.enter_context(counting("publish", files, "files")),
        )
    if as_json:
        typer.echo(done.model_dump_json())
        return
    typer.echo(
        printable(f"{done.target}: {done.name}, {done.pairs:,} pairs, {done.written} of {done.files} files sent")
    )
    for terms, count in sorted(done.withheld.items()):
        typer.echo(
            f"{count:,} pairs without pixels ({terms}): `twinset rebuild complete.jsonl --out DIR` makes them again"
        )
    if done.commit:
        typer.echo(printable(done.commit))
