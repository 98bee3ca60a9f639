"""The audit of a dataset: every probe, and what follows from them."""

from audit.battery import BATTERY
from audit.config import AuditConfig
from audit.evidence import gather
from audit.null_control import NullControl
from audit.report import AuditReport, audit_report
from manifests.dataset import Dataset


def audit(dataset: Dataset, config: AuditConfig, *, null_control: NullControl | None = None) -> AuditReport:
    """Ask whether anything but their origin tells the reals of a paired dataset from its fakes.

    Args:
        dataset: the dataset; its samples are read once.
        config: the settings.
        null_control: pictures, and the rules of the recipe under which they are framed and aligned; without it the null
            control is left out.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    evidence = gather(dataset, config)
    probes = [probe for battery_probe in BATTERY for probe in battery_probe(evidence, config)]
    if null_control is not None:
        probes += null_control.probes(config)
    return audit_report(tuple(probes), evidence.headers.pairs)
