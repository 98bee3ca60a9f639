"""The command `twinset report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.folder import BuildFolder

REPORT = "report.html"


def report(
    folder: Annotated[str, typer.Argument(help="The build's folder, or the dataset in it.", show_default=False)],
) -> None:
    """Write the build's report, one HTML file with pairs, counts, rejects, audit and detector; and the audit's own page."""
    from flows.folder import BuildFolder

    refresh_report(BuildFolder.open(folder), always=True)


def refresh_report(build: "BuildFolder", *, always: bool = False) -> None:
    """Write the report where it is missing or older than what it shows."""
    out = build.path / REPORT
    detector = build.path / "detector"
    shown = [build.path / "dataset" / "index.json", detector / "metrics.json"]
    present = [path.stat().st_mtime for path in shown if path.exists()]
    if always or not out.exists() or any(out.stat().st_mtime < time for time in present):
        _write(build, out, detector)
    typer.echo(f"report: {out}", err=True)


def _write(build: "BuildFolder", out: Path, detector: Path) -> None:
    from audit.report import AuditReport
    from flows.audit import audited_before
    from flows.counts import stage_counts
    from flows.detectors import is_trained_on
    from manifests.dataset import Dataset
    from pages.report import write_report
    from twinset.commands.audit import write_audit

    dataset = Dataset.open(str(build.dataset))
    try:
        audit = AuditReport.model_validate_json(build.dataset.read("reports/audit.json"))
    except FileNotFoundError:
        audit = None
    detector_dir = detector if is_trained_on(detector, dataset) else None
    write_report(dataset, out, audit=audit, stages=stage_counts(build), detector_dir=detector_dir)
    if audit is not None:
        write_audit(audited_before(dataset, audit, build.path / "audit"))
