"""What the templates of all pages have in common."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Templates of this package, everything escaped, with the filters for numbers."""
    made = Environment(
        loader=PackageLoader("pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["number"] = lambda value: f"{value:,}"
    made.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"  # noqa: RUF001
    made.filters["decimals"] = lambda value: "–" if value is None else f"{value:.3f}"  # noqa: RUF001
    return made
