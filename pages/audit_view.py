"""An audit's report put in the order in which a person reads it: verdict, findings, probes by part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from audit.report import AuditReport, Feature, Match, Probe, Spectrum, Verdict
from pages import audit_figures as figures

WIDEST_HALF_WIDTH = 0.05
"""Of an interval that still tells something: the audit's own limit for `too-few`."""

SPLIT_HALF = "reference-split-half"
SEPARABILITY = "reference-source-separability"

_GRAVITY: tuple[Verdict, ...] = ("fail", "warn", "too-few", "ok", "reported")
_CONTROLS = ("null-control", "permutation")
_STYLES = {"logistic regression": "second", "small CNN": "third"}
_TITLES = {
    "headers": "File headers",
    "grid": "JPEG grid and history",
    "size": "Size on disk",
    "quantisation": "Quantisation of levels",
    "borders": "Borders",
    "photometric": "Colour and exposure",
    "spectral": "Frequency content",
    "thumbnail": "Layout (thumbnail)",
    "text": "Captions",
    "recaption": "Re-captions",
    "duplicates": "Duplicates across splits",
    "unreadable": "Unreadable images",
    "permutation": "Permutation control",
    "null-control": "Null control",
    "all-pixels": "All pixel statistics",
    SPLIT_HALF: "One source, split in halves",
    SEPARABILITY: "One real source against another",
}


@dataclass(frozen=True)
class Whisker:
    """One classifier's AUC and interval; places in per cent of the chart's width."""

    classifier: str
    low: float
    value: float
    high: float
    text: str

    @property
    def style(self) -> str:
        """How it is drawn."""
        return _STYLES.get(self.classifier, "first")


@dataclass(frozen=True)
class Band:
    """A range of AUC that a row is to be read against; places in per cent of the chart's width."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end."""
        return round(self.high - self.low, 2)


@dataclass(frozen=True)
class Row:
    """What one probe found in one part, by one or several classifiers.

    Attributes:
        limit: of a control: where its value has to lie.
        bound: of any other probe: the largest AUC that is `ok`, in per cent of the chart's width.
        caution: a warning where the interval is too wide to tell.
    """

    title: str
    probes: tuple[Probe, ...]
    verdict: Verdict
    gate: bool
    whiskers: tuple[Whisker, ...]
    limit: Band | None
    bound: float | None
    caution: str

    @property
    def part(self) -> str:
        """Where it was found, in words."""
        return part_name(self.probes[0])

    @property
    def pairs(self) -> int:
        """Pairs that were looked at."""
        return max(probe.pairs for probe in self.probes)

    @property
    def details(self) -> tuple[str, ...]:
        """The findings in words, each once."""
        return tuple(dict.fromkeys(probe.detail for probe in self.probes if probe.detail))

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to change, each once."""
        return tuple(dict.fromkeys(probe.remedy for probe in self.probes if probe.remedy))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The most telling features, of the first classifier that names any."""
        return next((probe.top_features for probe in self.probes if probe.top_features), ())

    @property
    def has_importances(self) -> bool:
        """Whether it is known what the features are worth beside one another."""
        return any(feature.importance is not None for feature in self.features)

    @property
    def shown(self) -> Feature | None:
        """The first feature whose distributions are known."""
        return next((feature for feature in self.features if feature.distribution is not None), None)

    @property
    def items(self) -> tuple[str, ...]:
        """The images that drive the probe most."""
        return next((probe.items for probe in self.probes if probe.items), ())


@dataclass(frozen=True)
class Group:
    """The rows of one part, and what they are read against."""

    title: str
    rows: tuple[Row, ...]
    chance: Band | None
    separability: Band | None


@dataclass(frozen=True)
class SpectrumPlot:
    """The average spectra of one view, and the fakes' difference from the reals'."""

    view: str
    power: figures.Plot
    difference: figures.Plot | None


@dataclass(frozen=True)
class AuditView:
    """All that the page shows, in its order.

    Attributes:
        sentence: the verdict in words.
        counts: rows by verdict.
        findings: what failed or warns, the gravest first.
        strongest: the most telling reported row; shown where nothing else was found.
        checks: rows without an interval.
        controls: what has to be at chance, whatever the dataset.
        references: what the probes are compared with.
        groups: rows of the whole dataset and of each view and generator.
        by_source: rows of one source alone.
    """

    sentence: str
    counts: dict[Verdict, int]
    findings: tuple[Row, ...]
    strongest: Row | None
    checks: tuple[Row, ...]
    controls: tuple[Group, ...]
    references: tuple[Group, ...]
    groups: tuple[Group, ...]
    by_source: tuple[Group, ...]
    scale: figures.Axis
    spectra: tuple[SpectrumPlot, ...]
    match: tuple[Match, ...]

    def shown(self) -> tuple[Row, ...]:
        """The rows that are told in full."""
        return self.findings or ((self.strongest,) if self.strongest else ())

    @property
    def has_chance(self) -> bool:
        """Whether a split-half of one source was measured."""
        return any(group.chance for group in (*self.groups, *self.by_source))

    @property
    def has_bound(self) -> bool:
        """Whether any probe is judged by a limit."""
        return any(row.bound for group in (*self.groups, *self.by_source) for row in group.rows)

    @property
    def has_third(self) -> bool:
        """Whether anything was measured with a network, too."""
        rows = [row for group in (*self.groups, *self.by_source, *self.controls) for row in group.rows]
        return any(whisker.style == "third" for row in rows for whisker in row.whiskers)

    @property
    def has_separability(self) -> bool:
        """Whether real sources were compared with one another."""
        return any(group.separability for group in (*self.groups, *self.by_source))


def audit_view(report: AuditReport) -> AuditView:
    """Put a report in order."""
    scale = _scale(report.probes)
    rows = [
        _row(tuple(probes), scale)
        for _, probes in groupby(sorted(report.probes, key=_row_key), key=lambda probe: _row_key(probe)[:-1])
    ]
    measured = [row for row in rows if row.whiskers]
    references = [row for row in measured if row.probes[0].name in (SPLIT_HALF, SEPARABILITY)]
    controls = [row for row in measured if row.probes[0].name in _CONTROLS]
    probes = [row for row in measured if row not in references and row not in controls]
    return AuditView(
        sentence=sentence(report, rows),
        counts={verdict: sum(row.verdict == verdict for row in rows) for verdict in _GRAVITY},
        findings=tuple(
            row for row in sorted(rows, key=lambda row: _GRAVITY.index(row.verdict)) if row.verdict in ("fail", "warn")
        ),
        strongest=max(
            (row for row in probes if row.verdict == "reported"),
            key=lambda row: max(abs((probe.value or 0.5) - 0.5) for probe in row.probes),
            default=None,
        ),
        checks=tuple(row for row in rows if not row.whiskers),
        controls=_groups(controls, ()),
        references=_groups(references, ()),
        groups=_groups([row for row in probes if not row.probes[0].source], references),
        by_source=_groups([row for row in probes if row.probes[0].source], references),
        scale=scale,
        spectra=tuple(_spectra(report.spectra)),
        match=report.match,
    )


def shown_items(report: AuditReport) -> tuple[str, ...]:
    """The images that the page shows, each once."""
    return tuple(dict.fromkeys(item for probe in report.probes for item in probe.items))


def sentence(report: AuditReport, rows: Sequence[Row]) -> str:
    """The verdict in words."""
    unit = "images" if report.kind == "unpaired" else "pairs"
    named = {verdict: _listed(row.title for row in rows if row.verdict == verdict) for verdict in _GRAVITY}
    if report.gate == "none":
        return "There is nothing to audit: the dataset is empty."
    if report.gate == "failed":
        gates = _listed(row.title for row in rows if row.gate and row.verdict == "fail")
        return f"Failed at {gates}: reals and fakes differ in more than their origin. Do not train on this dataset."
    if named["fail"]:
        return f"Passed its gates, but {named['fail']} tell the two sides apart. See what to change below."
    if named["warn"]:
        return f"Passed, with warnings: {named['warn']}."
    if named["too-few"]:
        return f"Passed as far as {report.pairs:,} {unit} can tell: too few for {named['too-few']}."
    return f"Passed: in {report.pairs:,} {unit} nothing that was judged tells the two sides apart but their origin."


def part_name(probe: Probe) -> str:
    """The part that a probe looked at, in words; empty for the whole dataset."""
    if probe.name in (SPLIT_HALF, SEPARABILITY) and probe.subject:
        return probe.subject
    parts = [
        f"{kind} {name}"
        for kind, name in (("view", probe.view), ("generator", probe.generator), ("source", probe.source))
        if name
    ]
    return ", ".join(parts) or probe.subject


def caution(probes: Iterable[Probe]) -> str:
    """A warning where an interval is too wide to tell, with the number of pairs that would do; else empty."""
    widest, pairs = max(
        ((high - low) / 2, probe.pairs) for probe in probes for low, high in [(probe.low or 0.0, probe.high or 0.0)]
    )
    if widest <= WIDEST_HALF_WIDTH:
        return ""
    # a standard error falls with the square root of the number
    needed = pairs * (widest / WIDEST_HALF_WIDTH) ** 2
    rounded = round(needed, 2 - len(f"{needed:.0f}"))
    return f"n = {pairs:,} gives ±{widest:.3f}; ±{WIDEST_HALF_WIDTH:.2f} would need about {max(rounded, pairs):,.0f}"


def _row_key(probe: Probe) -> tuple[str, str, str, str, str, str]:
    return probe.name, probe.subject, probe.view, probe.generator, probe.source, probe.classifier


def _row(probes: tuple[Probe, ...], scale: figures.Axis) -> Row:
    first = probes[0]
    whiskers = tuple(_whisker(probe, scale) for probe in probes if probe.value is not None and probe.low is not None)
    limits = [probe.limit for probe in probes if probe.limit is not None]
    limit = bound = None
    if limits and first.name not in _CONTROLS:
        bound = _place(limits[0], scale)
    elif limits:
        limit = Band(_place(0.5 - limits[0], scale), _place(0.5 + limits[0], scale))
    return Row(
        title=_TITLES.get(first.name, first.name),
        probes=probes,
        verdict=min((probe.verdict for probe in probes), key=_GRAVITY.index),
        gate=any(probe.gate for probe in probes),
        whiskers=whiskers,
        limit=limit,
        bound=bound,
        caution=caution(probe for probe in probes if probe.low is not None) if whiskers else "",
    )


def _whisker(probe: Probe, scale: figures.Axis) -> Whisker:
    value, low, high = probe.value or 0.0, probe.low or 0.0, probe.high or 0.0
    return Whisker(
        classifier=probe.classifier,
        low=_place(low, scale),
        value=_place(value, scale),
        high=_place(high, scale),
        text=f"{value:.3f} ({low:.3f} to {high:.3f})",
    )


def _place(value: float, scale: figures.Axis) -> float:
    return round(100 * scale.share(value), 2)


def _scale(probes: Iterable[Probe]) -> figures.Axis:
    """From the lowest end of all intervals, or 0.4, to 1, in steps of a tenth."""
    lowest = min((probe.low for probe in probes if probe.low is not None and probe.value is not None), default=0.4)
    first = max(0, min(4, int(lowest * 10)))
    return figures.Axis(first / 10, 1.0, tuple(tenth / 10 for tenth in range(first, 11)))


def _groups(rows: Sequence[Row], references: Sequence[Row]) -> tuple[Group, ...]:
    """The rows by part, in the order of the parts' names; the whole dataset comes first."""
    ordered = sorted(rows, key=lambda row: row.part)
    return tuple(_group(part, tuple(found), references) for part, found in groupby(ordered, key=lambda row: row.part))


def _group(part: str, rows: tuple[Row, ...], references: Sequence[Row]) -> Group:
    view = rows[0].probes[0].view
    near = [row for row in references if row.probes[0].view in ("", view)] or list(references)
    return Group(
        title=part or "whole dataset",
        rows=tuple(sorted(rows, key=_order)),
        chance=_range((row for row in near if row.probes[0].name == SPLIT_HALF), whole=True),
        separability=_range((row for row in near if row.probes[0].name == SEPARABILITY), whole=False),
    )


def _order(row: Row) -> int:
    """The place of a probe among its part's, as the titles stand; unknown ones come last."""
    known = list(_TITLES)
    name = row.probes[0].name
    return known.index(name) if name in known else len(known)


def _range(rows: Iterable[Row], *, whole: bool) -> Band | None:
    """From the lowest to the highest of the values, or of the intervals' ends."""
    whiskers = [whisker for row in rows for whisker in row.whiskers]
    if not whiskers:
        return None
    lows = [whisker.low if whole else whisker.value for whisker in whiskers]
    highs = [whisker.high if whole else whisker.value for whisker in whiskers]
    return Band(min(lows), max(highs))


def _spectra(spectra: Sequence[Spectrum]) -> Iterable[SpectrumPlot]:
    names = sorted({spectrum.member for spectrum in spectra}, key=lambda name: (name != "real", name))
    for view in dict.fromkeys(spectrum.view for spectrum in spectra):
        here = sorted((s for s in spectra if s.view == view), key=lambda s: names.index(s.member))
        real = here[0] if here[0].member == "real" else None
        power = figures.plot(here[0].frequencies, [(s.member, s.power) for s in here], names=names)
        fakes = [
            (s.member, [a - b for a, b in zip(s.power, real.power, strict=True)])
            for s in here
            if real is not None and s is not real and s.frequencies == real.frequencies
        ]
        difference = figures.plot(here[0].frequencies, fakes, names=names, zero=True) if fakes else None
        yield SpectrumPlot(view, power, difference)


def _listed(names: Iterable[str]) -> str:
    """Names in a row: `a, b and c`, each once and in small letters but for abbreviations."""
    words = list(dict.fromkeys(name if name[:2].isupper() else name[:1].lower() + name[1:] for name in names))
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
