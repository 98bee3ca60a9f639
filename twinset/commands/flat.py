"""The command `twinset flat`."""

import re
from typing import Annotated

import typer

from manifests.errors import TwinsetError
from twinset.commands.options import DatasetArgument

_THOUSANDS = {"": 1, "k": 1000, "m": 1_000_000}


def flat(
    dataset: DatasetArgument,
    out: Annotated[str, typer.Option(help="The file to write, JSON Lines.", show_default=False)],
    size: Annotated[
        str,
        typer.Option(help="How many images, half of either label: 20k, 200k, 1000k, 2000k, ... All when not given."),
    ] = "",
) -> None:
    """Write a dataset as a flat list of images, a line each: path, label (0 real, 1 fake) and subset."""
    from manifests.dataset import Dataset
    from manifests.flat import write_flat

    counts = write_flat(Dataset.open(dataset), out, _number(size) if size else None)
    told = ", ".join(
        f"{subset} {number:,} {'fake' if label else 'real'}" for (subset, label), number in sorted(counts.items())
    )
    typer.echo(f"{out}: {counts.total():,} images ({told or 'none'})")


def _number(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]*)([km]?)", text.strip().lower())
    if found is None:
        raise TwinsetError(f"--size {text!r}: expected a number such as 20000, 20k or 2m")
    return int(found[1]) * _THOUSANDS[found[2]]
