"""The page of an audit: one HTML file that needs nothing beside itself and asks for nothing from anywhere."""

from collections.abc import Mapping

from audit.report import AuditReport
from pages import audit_figures as figures
from pages.audit_images import Thumbnail
from pages.audit_view import audit_view
from pages.templating import environment


def render_audit(report: AuditReport, name: str, images: Mapping[str, Thumbnail]) -> str:
    """The page as HTML.

    Args:
        report: what the audit found.
        name: what was audited.
        images: the images that `pages.audit_view.shown_items` names; those that are missing are named in words.
    """
    view = audit_view(report)
    return (
        environment()
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
