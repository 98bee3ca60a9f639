"""The records of an audit: what each probe found, and what follows from it. Stored as `reports/audit.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Verdict = Literal["ok", "warn", "fail", "too-few", "reported"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Feature(_Record):
    """One feature on its own, as a hint at what a probe's classifier went by."""

    name: str
    auc: float = Field(ge=0, le=1, description="above 0.5 where fakes have the larger values")


class Probe(_Record):
    """What one probe found in one part of the dataset."""

    name: str = Field(description="headers, permutation, null-control, pixels, ...")
    subject: str = Field(default="", description="the part that was looked at, such as a view and a generator")
    verdict: Verdict = Field(description="`reported` informs and judges nothing")
    gate: bool = Field(default=False, description="whether `fail` here fails the dataset")
    classifier: str = Field(default="", description="what the value was measured with")
    pairs: int = Field(ge=0, description="pairs that were looked at")
    value: float | None = Field(default=None, description="AUC; for headers the share of pairs that differ")
    low: float | None = Field(default=None, description="lower end of the value's 95 % interval")
    high: float | None = Field(default=None, description="upper end of the value's 95 % interval")
    limit: float | None = Field(default=None, description="largest distance of the AUC from 0.5 that is `ok`")
    top_features: tuple[Feature, ...] = Field(default=(), description="the most telling ones first")
    fields: dict[str, int] = Field(default_factory=dict, description="header fields that differ: in how many pairs")
    examples: tuple[str, ...] = Field(default=(), description="ids of a few of those pairs")
    detail: str = Field(default="", description="the finding in words")


class AuditReport(_Record):
    """All that an audit found."""

    schema_version: int = SCHEMA_VERSION
    gate: Literal["passed", "failed"] = Field(description="`failed`: the dataset must not be trained on or published")
    verdict: Literal["ok", "warn", "fail", "too-few"] = Field(description="the gravest verdict of all probes")
    pairs: int = Field(ge=0, description="pairs in the dataset")
    probes: tuple[Probe, ...]


_GRAVITY: tuple[Literal["ok", "warn", "fail", "too-few"], ...] = ("fail", "warn", "too-few", "ok")


def audit_report(probes: tuple[Probe, ...], pairs: int) -> AuditReport:
    """Draw the conclusion from the probes of a dataset of `pairs` pairs."""
    found = {probe.verdict for probe in probes}
    failed = any(probe.gate and probe.verdict == "fail" for probe in probes)
    return AuditReport(
        gate="failed" if failed else "passed",
        verdict=next((verdict for verdict in _GRAVITY if verdict in found), "ok"),
        pairs=pairs,
        probes=probes,
    )


_REMEDIES = {
    "headers": 'set alignment.mode = "aligned", and give every member the same final encode',
    "null-control": "make the frame or the final size of this view smaller, so that more of the reals' history is lost",
    "permutation": "this is a fault of the audit itself, not of the dataset: please report it",
}


def gate_message(report: AuditReport) -> str:
    """One line for a person: which probes failed the dataset, what differs, and what to change in the recipe.

    Empty when the gate is passed.
    """
    failures = [probe for probe in report.probes if probe.gate and probe.verdict == "fail"]
    return "; ".join(_failure(probe) for probe in failures)


def _failure(probe: Probe) -> str:
    subject = f" ({probe.subject})" if probe.subject else ""
    return f"audit failed at {probe.name}{subject}: {probe.detail}. {_REMEDIES.get(probe.name, '')}".rstrip()
