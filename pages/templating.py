"""What the templates of all pages have in common."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from pages.app.text import visible


def environment() -> Environment:
    """Templates of this package, everything escaped and nothing hidden, with the filters for numbers."""
    made = Environment(
        loader=PackageLoader("pages"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = lambda value: f"{value:,}"
    made.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"  # noqa: RUF001
    made.filters["decimals"] = lambda value: "–" if value is None else f"{value:.3f}"  # noqa: RUF001
    return made


def _shown(value: object) -> object:
    """Foreign text could turn the direction of writing; what is markup already (a macro's answer) was shown before."""
    return visible(value) if type(value) is str else value
