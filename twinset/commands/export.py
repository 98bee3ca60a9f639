"""The command `twinset export`."""

from pathlib import Path
from typing import Annotated

import typer

from manifests.errors import TwinsetError, printable


def export(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DATASET|DETECTOR",
            help="A dataset (or build), or a detector: its folder, a checkpoint, or a model on the Hub.",
            show_default=False,
        ),
    ],
    *,
    format_: Annotated[
        str, typer.Option("--format", help="Of a dataset: imagefolder, parquet, coco or csv.", show_default=False)
    ] = "",
    out: Annotated[str, typer.Option(help="Of a dataset: a new folder, path or fsspec URL.", show_default=False)] = "",
    onnx: Annotated[
        Path | None,
        typer.Option(
            help="Of a detector: write it as this ONNX file (needs twinset[fast]).", dir_okay=False, show_default=False
        ),
    ] = None,
) -> None:
    """Write a dataset or a detector in a form that other tools read.

    A dataset: with --format and --out; a run that was cut off goes on. Nothing is withheld: to give it to others, use
    `twinset publish`. A detector: with --onnx; the file is checked against PyTorch first.
    """
    if onnx is not None and not (format_ or out):
        _export_detector(what, onnx)
    elif onnx is None and format_ and out:
        _export_dataset(what, format_, out)
    else:
        raise TwinsetError("export: give --format and --out for a dataset, or --onnx for a detector.")


def _export_detector(what: str, onnx: Path) -> None:
    from classifier.onnx import export_onnx
    from classifier.opening import open_detector

    difference = export_onnx(open_detector(what, "cpu"), onnx)
    typer.echo(f"{onnx}: largest difference from PyTorch {difference:.1g}")


def _export_dataset(what: str, format_: str, out: str) -> None:
    from contextlib import ExitStack

    from flows.exporting.export import FORMATS, export_dataset
    from flows.progress import counting

    if format_ not in FORMATS:
        raise TwinsetError(f"--format {format_}: expected {', '.join(FORMATS)}.")
    with ExitStack() as stack:
        done = export_dataset(
            what,
            format_,
            out,
            progress=lambda shards: stack.enter_context(counting("export", shards, "shards")),
        )
    typer.echo(printable(f"{out}: {done.real:,} real and {done.fake:,} fake images of {done.name} as {done.format}"))
