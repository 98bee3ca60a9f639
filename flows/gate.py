"""What a finished dataset's audit said."""

from audit.report import gate_message, parse_report
from flows.folder import BuildFolder
from manifests.dataset import Dataset
from manifests.errors import GateError, printable


def gate_error(build: BuildFolder) -> GateError | None:
    """The error that a failed audit is; None when the dataset passed."""
    if Dataset.open(str(build.dataset)).audit_verdict != "failed":
        return None
    report = parse_report(build.dataset.read("reports/audit.json"), f"{build.dataset}/reports/audit.json")
    return GateError(printable(f"{build.dataset}: {gate_message(report)}"))
