"""The page Audit: the verdict, what every probe found, and the pairs that drive it."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import streamlit as st
from pydantic import ValidationError

from audit.report import AuditReport, Verdict
from manifests.errors import DatasetError, first_complaint
from manifests.records import IMAGE, REAL
from pages.app import audit_markup as markup
from pages.app import pictures, style
from pages.app.audit_markup import Driver, Picture
from pages.app.context import AppContext
from pages.app.text import shown
from pages.audit_view import AuditView, Group, Row, audit_view

REPORT = "reports/audit.json"

_SHEET = Path(__file__).with_name("audit.css")
_TILES: tuple[tuple[Verdict, str], ...] = (
    ("fail", "probes that fail"),
    ("warn", "that warn"),
    ("too-few", "that have too few"),
    ("ok", "that are ok"),
    ("reported", "that only inform"),
)


def page(context: AppContext) -> None:
    """Draw the page."""
    st.html(_SHEET)
    style.heading("Audit", f"{context.name}: do its two sides differ in anything but their origin?")
    report = _report(context)
    if report is None:
        place = str(context.dataset.folder) if context.dataset is not None else "DATASET"
        style.empty("Not audited yet", "An audit is the last step of a build.", f"twinset audit {place}")
        return
    view, unit = audit_view(report), "images" if report.kind == "unpaired" else "pairs"
    st.html(markup.banner(view.sentence, "failed" if report.gate == "failed" else report.verdict))
    style.tiles(
        [(unit, f"{report.pairs:,}"), ("gate", report.gate)]
        + [(title, f"{view.counts[verdict]:,}") for verdict, title in _TILES if view.counts[verdict] or verdict == "fail"]
    )  # fmt: skip
    _drill_down(context, view, unit)
    _probes(view, unit)
    if view.spectra:
        style.section("Average spectra", "Mean log power of the images by spatial frequency.")
        st.html(markup.spectra(view.spectra))
    if view.match:
        style.section("Match quality", "Similarity inside true pairs beside pairs put together at random.")
        st.html(markup.matches(view.match))


def _report(context: AppContext) -> AuditReport | None:
    """None where there is none yet.

    Raises:
        DatasetError: it is damaged, or of another version.
    """
    if context.dataset is None:
        return None
    try:
        return AuditReport.model_validate_json(context.dataset.folder.read(REPORT))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise DatasetError(
            f"{context.dataset.folder}/{REPORT}: not an audit's report ({first_complaint(error)}). Audit the dataset again."
        ) from error


def _drill_down(context: AppContext, view: AuditView, unit: str) -> None:
    """One probe in full, with the pairs that drive it; the gravest finding first."""
    rows = _by_gravity(view)
    if not rows:
        return
    style.section(
        "Findings" if view.findings else "A closer look",
        "Choose a probe to see what it went by, and the images that it was surest of."
        if view.findings
        else "Nothing failed and nothing warns. First comes the probe by which the two sides differ most.",
    )
    place = st.selectbox("Probe", range(len(rows)), format_func=lambda number: _name(rows[number]), key="probe")
    row = rows[place]
    words, plot = st.columns([3, 2])
    with words:
        st.html(markup.told(row, unit))
    if drawn := markup.distribution(row):
        with plot:
            st.html(drawn)
    if row.items:
        style.note("The images that drive it most, each in its pair. A click opens the pair.")
        style.images(markup.driven([_driver(context, item) for item in row.items]))
    elif row.probes[0].examples:
        style.note(f"For example {', '.join(row.probes[0].examples)}")


def _by_gravity(view: AuditView) -> list[Row]:
    """All rows, each once: findings, the strongest signal, then the others as the page has them."""
    first = view.shown()
    others = (
        row
        for groups in (view.groups, view.by_source, view.controls, view.references)
        for group in groups
        for row in group.rows
    )
    return list({id(row): row for row in (*first, *others, *view.checks)}.values())


def _name(row: Row) -> str:
    return shown(" · ".join(filter(None, (row.title, row.part, row.verdict))), 120)


def _driver(context: AppContext, item: str) -> Driver:
    """An image by its name `<pair id>/<member>`; its pair's images where the dataset still has them."""
    pair_id, _, member = item.rpartition("/")
    bare = Driver(pair_id, member, is_real=member == REAL)
    try:
        row = context.catalogue.find(pair_id)
        if row is None:
            return bare
        members = context.members.of(row.shard, row.pair_id)
    except DatasetError:
        return bare
    return Driver(
        pair_id,
        member,
        is_real=member == REAL,
        caption=row.caption,
        link=f"./?pair={quote(pair_id, safe='')}",
        pictures=tuple(
            Picture(found.name, uri, found.name == REAL, found.name in (member, IMAGE))
            for found in members
            if (uri := pictures.reduced(found.data)) is not None
        ),
    )


def _probes(view: AuditView, unit: str) -> None:
    style.section(
        "Probes",
        "Each asks a classifier to tell reals from fakes by one family of features: an AUC of 0.5 is chance, 1 is certainty.",
    )
    if view.checks:
        st.html(markup.checks(view.checks, unit))
    if not (view.groups or view.by_source or view.controls or view.references):
        return
    st.html(markup.legend(view))
    for title, groups in _parts(view):
        if groups:
            if title:
                style.note(title)
            st.html(markup.charts(groups, view, unit))


def _parts(view: AuditView) -> Iterable[tuple[str, tuple[Group, ...]]]:
    yield "", view.groups
    yield "By source of the reals.", view.by_source
    yield "Controls: at chance whatever the dataset holds, or the alignment or the audit itself leaks.", view.controls
    yield "References: reals against reals, what no difference of origin amounts to.", view.references
