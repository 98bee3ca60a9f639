"""The command `twinset audit`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifests.errors import GateError, printable
from twinset.commands.options import LabelColumn, LayoutOption

if TYPE_CHECKING:
    from audit.report import AuditReport, Probe
    from flows.audit import Audited

_WORST_FIRST = ("fail", "warn", "too-few", "ok", "reported")


def audit(
    target: Annotated[
        str,
        typer.Argument(
            help="A build, a dataset, or images from elsewhere: a folder, Parquet files, or a CSV of paths.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for audit.json and audit.html; by default audit/ in the build, or audit-NAME/ here.",
            show_default=False,
        ),
    ] = None,
    layout: LayoutOption = None,
    label_column: LabelColumn = "label",
    label_name: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=real or NAME=fake: what a label means, in a table's column or as a folder's name, in images from "
            "elsewhere. May be repeated."
        ),
    ] = None,
    null_control: Annotated[
        bool | None,
        typer.Option(
            "--null-control/--no-null-control",
            help="Ask whether the recipe's alignment itself leaks; by default for datasets over 500 pairs.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Ask whether anything but their origin tells the reals of a dataset from its fakes."""
    from audit.report import gate_message
    from flows.audit import audit_target

    audited = audit_target(
        target,
        layout=layout,
        label_column=label_column,
        label_names=label_name or (),
        with_null_control=null_control,
        out=out,
    )
    for note in audited.notes:
        typer.echo(f"note: {printable(note)}", err=True)
    folder = write_audit(audited)
    if as_json:
        # in ASCII: names and captions of foreign data stay escaped on a terminal too
        typer.echo(json.dumps(audited.report.model_dump(mode="json")))
    else:
        _show(audited.report, audited.name)
    typer.echo(printable(f"audit: {folder / 'audit.html'}"), err=True)
    if audited.report.gate != "passed":
        raise GateError(printable(f"{target}: {gate_message(audited.report)}"))


def write_audit(audited: "Audited") -> Path:
    """Write `audit.json` and `audit.html`, and say where."""
    from manifests import canonical
    from manifests.storage import Folder
    from pages.audit_images import NamedImage, thumbnails
    from pages.audit_page import render_audit
    from pages.audit_view import shown_items

    names = shown_items(audited.report)
    images = thumbnails((NamedImage(*image) for image in audited.images(names)), names)
    page = render_audit(audited.report, audited.name, images)
    path = audited.folder.absolute()
    folder = Folder.at(str(path))
    folder.write("audit.json", canonical.dumps(audited.report) + b"\n")
    folder.write("audit.html", page.encode())
    return path


def _show(report: "AuditReport", name: str) -> None:
    """Print a line a kind of probe, the gravest first: its worst verdict, and the value that lies furthest from chance."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=printable(f"{name}: gate {report.gate}"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False
    )
    for column in ("verdict", "probe", "parts", "furthest from chance", "n"):
        table.add_column(
            column, no_wrap=column != "probe", overflow="fold", justify="right" if column in ("parts", "n") else "left"
        )
    kinds: dict[str, list[Probe]] = {}
    for probe in sorted(report.probes, key=lambda probe: _WORST_FIRST.index(probe.verdict)):
        kinds.setdefault(probe.name, []).append(probe)
    for kind, probes in kinds.items():
        furthest = max(probes, key=_distance)
        table.add_row(probes[0].verdict, kind, str(len(probes)), _value(furthest), str(furthest.pairs))
    # names come from the data and are no markup
    console = Console(markup=False)
    console.print(table)
    for probe in report.probes:
        # what failed at a gate is the command's error
        if probe.verdict == "warn" or (probe.verdict == "fail" and not probe.gate):
            part = f" ({probe.subject})" if probe.subject else ""
            advice = f" {probe.remedy}" if probe.remedy else ""
            line = printable(f"{probe.verdict}: {probe.name}{part}: {probe.detail}.{advice}")
            console.print(f"\n{line}", soft_wrap=True)


def _value(probe: "Probe") -> str:
    if probe.value is None or probe.low is None or probe.high is None:
        return ""
    return f"{probe.value:.3f} ({probe.low:.3f} to {probe.high:.3f})"


def _distance(probe: "Probe") -> float:
    """Of an AUC from chance; what is no AUC lies nearer than all that are."""
    return -1.0 if probe.value is None or probe.low is None else abs(probe.value - 0.5)
