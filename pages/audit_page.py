"""The page of an audit: one HTML file that needs nothing beside itself and asks for nothing from anywhere."""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from audit.report import AuditReport
from pages import audit_figures as figures
from pages.audit_images import Thumbnail
from pages.audit_view import audit_view


def render_audit(report: AuditReport, name: str, images: Mapping[str, Thumbnail]) -> str:
    """The page as HTML.

    Args:
        report: what the audit found.
        name: what was audited.
        images: the images that `pages.audit_view.shown_items` names; those that are missing are named in words.
    """
    view = audit_view(report)
    return (
        _environment()
        .get_template("audit.html")
        .render(
            report=report,
            view=view,
            name=name,
            images=images,
            numbers={item: number for number, item in enumerate(images)},
            figures=figures,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["decimals"] = lambda value: "–" if value is None else f"{value:.3f}"  # noqa: RUF001
    environment.filters["share"] = lambda value: f"{value:.1%}"
    return environment
