"""The command `twinset export`."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    detector: Annotated[Path, typer.Argument(help="A detector's folder.", show_default=False)],
    onnx: Annotated[
        Path, typer.Option(help="Write the detector as this ONNX file (needs twinset[fast]).", show_default=False)
    ],
) -> None:
    """Write a detector in a form that runs elsewhere; it is checked against PyTorch first."""
    from classifier.detector import Detector
    from classifier.onnx import export_onnx

    difference = export_onnx(Detector.load(detector), onnx)
    typer.echo(f"{onnx}: largest difference from PyTorch {difference:.1g}")
