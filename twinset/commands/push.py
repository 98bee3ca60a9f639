"""The command `twinset push`."""

from pathlib import Path
from typing import Annotated

import typer


def push(
    detector: Annotated[Path, typer.Argument(help="The detector's folder.", show_default=False)],
    repo: Annotated[str, typer.Argument(help="The model on the Hub, ORG/NAME; made where there is none.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    message: Annotated[str, typer.Option(help="Of the commit.")] = "",
) -> None:
    """Push a detector to the Hub: weights, settings, metrics and card. HF_TOKEN must hold a token that may write."""
    from classifier.hub import push_detector
    from manifests.errors import printable

    typer.echo(printable(push_detector(detector, repo, private=private, message=message)))
