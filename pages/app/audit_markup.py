"""What the page Audit draws, out of the same view of the report that the audit's own page is made from.

Streamlit takes SVG out of HTML, so intervals are boxes, and plots are pictures whose colours stand on both themes.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2.environment import TemplateModule

from audit.report import Match
from pages import audit_figures as figures
from pages.app.text import shown
from pages.audit_view import AuditView, Group, Row, SpectrumPlot
from pages.templating import environment

_COLOURS = ("#1f8f85", "#d0662f", "#7c5cc4", "#3d7dc8", "#a8327e", "#7a8b1f")
_KINDS = {
    "image-image": "Real and fake",
    "text-real": "Caption and real",
    "text-fake": "Caption and fake",
    "recaption-real": "Caption and re-caption of the real",
    "recaption-fake": "Caption and re-caption of the fake",
}


@dataclass(frozen=True)
class Picture:
    """One image of a pair, reduced.

    Attributes:
        drives: whether it is the one that the probe was surest of.
    """

    name: str
    uri: str
    is_real: bool
    drives: bool


@dataclass(frozen=True)
class Driver:
    """An image that drives a probe, with its pair.

    Attributes:
        pair: the pair's id.
        member: which of its images.
        is_real: whether that is the real one.
        link: address of the pair on the page Pairs; empty where there is none.
    """

    pair: str
    member: str
    is_real: bool
    caption: str = ""
    link: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class _Plot:
    title: str
    uri: str
    names: tuple[tuple[str, str], ...]


def banner(sentence: str, state: str) -> str:
    """The verdict in words, as HTML."""
    return _rendered("banner", sentence=sentence, state=state)


def checks(rows: Sequence[Row], unit: str) -> str:
    """Probes without an interval, as an HTML table."""
    return _rendered("checks", rows=rows, unit=unit)


def legend(view: AuditView) -> str:
    """What the marks of the charts mean, as HTML."""
    return _rendered("legend", view=view)


def charts(groups: Iterable[Group], view: AuditView, unit: str) -> str:
    """Intervals by probe, a chart for each part, as HTML; each probe opens to what it found."""
    return "".join(_rendered("chart", group=group, scale=view.scale, unit=unit) for group in groups)


def told(row: Row, unit: str) -> str:
    """What one probe found in words, and the features that it went by, as HTML."""
    return f'<div class="tw-told">{_rendered("told", row=row, unit=unit)}{_rendered("features", row=row)}</div>'


def distribution(row: Row) -> str:
    """How the most telling feature is distributed in each class, as HTML; empty where that is not known."""
    if row.shown is None or row.shown.distribution is None:
        return ""
    known = row.shown.distribution
    uri = _picture("distributions", drawn=figures.histograms(known.edges, known.real, known.fake))
    plot = _Plot(f"{row.shown.name}, share by value", uri, (("reals", _COLOURS[0]), ("fakes", _COLOURS[1])))
    return _rendered("spectrum", view="", plots=(plot,))


def driven(drivers: Sequence[Driver]) -> str:
    """The images that drive a probe, each beside the other images of its pair, as HTML."""
    return _rendered("driven", items=drivers)


def spectra(plots: Iterable[SpectrumPlot]) -> str:
    """The average spectra, as HTML."""
    return "".join(_rendered("spectrum", view=each.view, plots=tuple(_spectrum(each))) for each in plots)


def matches(found: Iterable[Match]) -> str:
    """Similarity inside true pairs and mismatched ones, as HTML."""
    shown_matches = tuple(
        (
            match,
            " · ".join(filter(None, (_KINDS[match.kind], match.generator, match.view and f"view {match.view}"))),
            _picture("distributions", drawn=figures.histograms(match.edges, match.matched, match.mismatched)),
        )
        for match in found
    )
    return _rendered("matches", found=shown_matches)


def _spectrum(plots: SpectrumPlot) -> Iterable[_Plot]:
    for title, plot, down in (
        ("Average spectra", plots.power, "log10 power"),
        ("Difference to the reals", plots.difference, "fake minus real"),
    ):
        if plot is not None:
            uri = _picture("lines", drawn=plot, colours=_COLOURS, across="cycles per pixel", down=down)
            yield _Plot(
                title, uri, tuple((curve.name, _COLOURS[curve.colour % len(_COLOURS)]) for curve in plot.curves)
            )


def _picture(macro: str, **values: object) -> str:
    """A drawing as a `data:` URI."""
    return f"data:image/svg+xml;base64,{base64.b64encode(_rendered(macro, **values).strip().encode()).decode()}"


def _rendered(macro: str, **values: object) -> str:
    return str(getattr(_template(), macro)(**values))


@cache
def _template() -> TemplateModule:
    templates = environment()
    templates.filters["shown"] = shown
    return templates.get_template("app_audit.html").module
