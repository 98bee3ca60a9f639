"""The audit of a dataset in which images stand alone: beside its pairs, or without any."""

from collections import Counter
from collections.abc import Iterator

from audit.config import AuditConfig
from audit.embedding import Embedder
from audit.foreign.items import ForeignItem
from audit.report import AuditReport, Probe, audit_report
from manifests.dataset import Dataset
from manifests.records import IMAGE, LABELS

_ALONE = "images that stand alone"


def audit_singles(dataset: Dataset, config: AuditConfig, embedder: Embedder | None = None) -> AuditReport:
    """What the probes of unpaired sets say of images that stand alone; images of one label have nothing to be told from.

    Args:
        dataset: single views only; it is read once, and its manifest before that.
        config: the settings.
        embedder: what measures how captions fit their images.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    from audit.run import audit_foreign

    labels = Counter(pair.label for pair in dataset.pairs())
    if len(labels) == len(LABELS):
        return audit_foreign(_items(dataset), config, embedder)
    names = {label: name for name, label in LABELS.items()}
    what = ", ".join(f"{count} of label {label} ({names[label]})" for label, count in labels.items()) or "no images"
    detail = f"{what}: nothing to compare them with"
    probe = Probe(name="labels", subject=_ALONE, verdict="reported", pairs=labels.total(), detail=detail)
    return audit_report((probe,), labels.total(), kind="unpaired")


def united(pairs: AuditReport, singles: AuditReport) -> AuditReport:
    """One report of both parts of a dataset."""
    probes = [
        probe.model_copy(update={"subject": ", ".join(dict.fromkeys(filter(None, (_ALONE, probe.subject))))})
        for probe in singles.probes
    ]
    return audit_report(
        (*pairs.probes, *probes),
        pairs.pairs + singles.pairs,
        kind=pairs.kind,
        spectra=(*pairs.spectra, *singles.spectra),
        match=(*pairs.match, *singles.match),
    )


def _items(dataset: Dataset) -> Iterator[ForeignItem]:
    """The images as the audit of unpaired sets takes them."""
    for sample in dataset.samples():
        fields = sample.metadata
        yield ForeignItem(
            name=f"{sample.key}/{IMAGE}",
            data=sample.members[IMAGE],
            label=int(fields["label"]),
            generator=str(fields["generator"]),
            source=str(fields["source"]),
            split=str(fields["split"]),
            caption=str(fields["caption"]),
            class_label=str(fields["class_label"]),
        )
