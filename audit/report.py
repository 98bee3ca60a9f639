"""The records of an audit: what each probe found, and what follows from it. Stored as `audit.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.errors import DatasetError, first_complaint

SCHEMA_VERSION = 1

Verdict = Literal["ok", "warn", "fail", "too-few", "reported"]
Kind = Literal["paired", "unpaired"]
MatchKind = Literal["image-image", "text-real", "text-fake", "recaption-real", "recaption-fake"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Distribution(_Record):
    """How one feature is distributed in each class: shares of the class, over common bins."""

    edges: tuple[float, ...] = Field(description="one more than there are bins; values beyond are in the outer bins")
    real: tuple[float, ...]
    fake: tuple[float, ...]


class Feature(_Record):
    """One feature that a probe's classifier went by, or that tells on its own."""

    name: str
    auc: float = Field(ge=0, le=1, description="above 0.5 where fakes have the larger values")
    importance: float | None = Field(default=None, description="drop of the probe's AUC when the feature is permuted")
    distribution: Distribution | None = None


class Probe(_Record):
    """What one probe found in one part of the dataset."""

    name: str = Field(description="headers, grid, size, quantisation, borders, photometric, spectral, thumbnail, ...")
    subject: str = Field(default="", description="the part that was looked at, for a person")
    view: str = Field(default="", description="the view that was looked at; empty for all")
    generator: str = Field(default="", description="the generator that was looked at; empty for all")
    source: str = Field(default="", description="the source of the reals that were looked at; empty for all")
    verdict: Verdict = Field(description="`reported` informs and judges nothing")
    gate: bool = Field(default=False, description="whether `fail` here fails the dataset")
    classifier: str = Field(default="", description="what the value was measured with")
    pairs: int = Field(ge=0, description="pairs (images of an unpaired set) that were looked at")
    value: float | None = Field(default=None, description="AUC; where nothing is learnt the share of pairs concerned")
    low: float | None = Field(default=None, description="lower end of the value's 95 % interval")
    high: float | None = Field(default=None, description="upper end of the value's 95 % interval")
    limit: float | None = Field(
        default=None, description="largest AUC that is `ok`; of a control, its largest distance from 0.5"
    )
    top_features: tuple[Feature, ...] = Field(default=(), description="the most telling ones first")
    fields: dict[str, int] = Field(default_factory=dict, description="header fields that differ: in how many pairs")
    examples: tuple[str, ...] = Field(default=(), description="ids of a few of those pairs")
    items: tuple[str, ...] = Field(default=(), description="`<pair id>/<member>` of images that drive the probe most")
    detail: str = Field(default="", description="the finding in words")
    remedy: str = Field(default="", description="what to change in the recipe")


class Spectrum(_Record):
    """The average radial power spectrum of one class."""

    member: str = Field(description="`real`, or the generator")
    view: str = ""
    frequencies: tuple[float, ...] = Field(description="cycles per pixel, 0 to 0.5")
    power: tuple[float, ...] = Field(description="mean log10 power of luma")


class Match(_Record):
    """Similarity of what belongs together, beside similarity of what was put together at random."""

    kind: MatchKind
    generator: str = ""
    view: str = ""
    embedder: str
    pairs: int = Field(ge=0)
    edges: tuple[float, ...]
    matched: tuple[float, ...] = Field(description="shares of the true pairs, by bin")
    mismatched: tuple[float, ...] = Field(description="shares of the mismatched pairs, by bin")
    matched_mean: float
    mismatched_mean: float
    recall_at_1: float = Field(ge=0, le=1)
    equal: float | None = Field(
        default=None, ge=0, le=1, description="share of the true pairs whose two texts are equal; null for images"
    )


class AuditReport(_Record):
    """All that an audit found."""

    schema_version: int = SCHEMA_VERSION
    kind: Kind = "paired"
    gate: Literal["passed", "failed", "none"] = Field(
        description="`failed`: the dataset must not be trained on or published; `none`: there was nothing to audit"
    )
    verdict: Literal["ok", "warn", "fail", "too-few", "none"] = Field(
        description="the gravest verdict of all probes; `none` where there was nothing to audit"
    )
    pairs: int = Field(ge=0, description="pairs in the dataset; images where it has no pairs")
    probes: tuple[Probe, ...]
    spectra: tuple[Spectrum, ...] = ()
    match: tuple[Match, ...] = ()


_GRAVITY: tuple[Literal["ok", "warn", "fail", "too-few"], ...] = ("fail", "warn", "too-few", "ok")


def audit_report(
    probes: tuple[Probe, ...],
    pairs: int,
    *,
    kind: Kind = "paired",
    spectra: tuple[Spectrum, ...] = (),
    match: tuple[Match, ...] = (),
) -> AuditReport:
    """Draw the conclusion from the probes of a dataset of `pairs` pairs (or images)."""
    found = {probe.verdict for probe in probes}
    failed = any(probe.gate and probe.verdict == "fail" for probe in probes)
    nothing = not pairs and not failed
    return AuditReport(
        kind=kind,
        gate="failed" if failed else "none" if nothing else "passed",
        verdict="none" if nothing else next((verdict for verdict in _GRAVITY if verdict in found), "ok"),
        pairs=pairs,
        probes=probes,
        spectra=spectra,
        match=match,
    )


def gate_message(report: AuditReport) -> str:
    """One line for a person: which probes failed the dataset, what differs, and what to change in the recipe.

    Empty when the gate is passed.
    """
    if report.gate == "none":
        return "there is nothing to audit: the dataset is empty"
    failures = [probe for probe in report.probes if probe.gate and probe.verdict == "fail"]
    return "; ".join(_failure(probe) for probe in failures)


def _failure(probe: Probe) -> str:
    subject = f" ({probe.subject})" if probe.subject else ""
    remedy = f" To mend it: {probe.remedy}." if probe.remedy else ""
    return f"audit failed at {probe.name}{subject}: {probe.detail}.{remedy}"


def parse_report(data: bytes, place: str) -> AuditReport:
    """The report in an `audit.json`, which may have come from anywhere.

    Args:
        data: the file's bytes.
        place: what the file is called in errors.

    Raises:
        DatasetError: it is damaged, or of another version.
    """
    try:
        return AuditReport.model_validate_json(data)
    except ValidationError as error:
        raise DatasetError(
            f"{place}: not an audit's report ({first_complaint(error)}). Audit the dataset again."
        ) from error
