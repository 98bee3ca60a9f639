"""The command `twinset report`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.folder import BuildFolder

REPORT = "report.html"


def report(
    folder: Annotated[str, typer.Argument(help="The build's folder, or the dataset in it.", show_default=False)],
    detector: Annotated[
        Path | None,
        typer.Option(help="The detector that is shown; by default detector/ in the build.", show_default=False),
    ] = None,
) -> None:
    """Write the build's report, one HTML file with pairs, counts, rejects, audit and detector; and the audit's own page."""
    from flows.folder import BuildFolder

    refresh_report(BuildFolder.open(folder), detector, always=True)


def detector_of(build: "BuildFolder", asked: Path | None) -> Path | None:
    """Where a build's detector lies: as asked, else in the build's own folder; None where that is not on this machine."""
    if asked is not None:
        return asked.absolute()
    return build.path / "detector" if build.folder.is_local else None


def refresh_report(build: "BuildFolder", detector: Path | None = None, *, always: bool = False) -> None:
    """Write the report where it is missing or older than what it shows.

    Args:
        build: the build; the report and the audit's page go into its folder.
        detector: the detector's folder; by default the build's own, where that is on this machine.
        always: write it in any case.
    """
    place = detector_of(build, detector)
    if always or not build.folder.is_local or _is_stale(build.path, place):
        with tempfile.TemporaryDirectory(prefix="twinset-") as here:
            _write(build, Path(here), place)
            for path in sorted(Path(here).rglob("*.*")):
                build.folder.write(path.relative_to(here).as_posix(), path.read_bytes())
    typer.echo(f"report: {build.folder}/{REPORT}", err=True)


def _is_stale(build: Path, detector: Path | None) -> bool:
    report = build / REPORT
    shown = [build / "dataset" / "index.json", *([detector / "metrics.json"] if detector is not None else [])]
    present = [path.stat().st_mtime for path in shown if path.exists()]
    return not report.exists() or any(report.stat().st_mtime < time for time in present)


def _write(build: "BuildFolder", out: Path, detector: Path | None) -> None:
    from audit.report import parse_report
    from flows.audit import audited_before
    from flows.counts import stage_counts
    from flows.detectors import is_trained_on
    from manifests.dataset import Dataset
    from pages.report import write_report
    from twinset.commands.audit import write_audit

    dataset = Dataset.open(str(build.dataset))
    try:
        audit = parse_report(build.dataset.read("reports/audit.json"), f"{build.dataset}/reports/audit.json")
    except FileNotFoundError:
        audit = None
    shown = detector if detector is not None and is_trained_on(detector, dataset) else None
    write_report(dataset, out / REPORT, audit=audit, stages=stage_counts(build), detector_dir=shown)
    if audit is not None:
        write_audit(audited_before(dataset, audit, out / "audit"))
