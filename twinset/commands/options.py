"""Arguments and options that several commands have, and say the same of."""

from typing import Annotated

import typer

DatasetArgument = Annotated[str, typer.Argument(help="The dataset, or the build's folder.", show_default=False)]
PresetOption = Annotated[str, typer.Option(help="Which of the recipe's presets.", metavar="NAME")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, or cuda:N.")]
BatchOption = Annotated[int, typer.Option(help="Images judged at a time.", min=1, max=4096)]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        help="How images from elsewhere lie: folder, genimage, parquet or csv; found out otherwise.",
        show_default=False,
    ),
]
LabelColumn = Annotated[
    str, typer.Option("--label-column", help="The column that says what is real, in tables from elsewhere.")
]
