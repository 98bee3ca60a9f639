"""The recipes that a dataset was made from: its own, or those of the datasets that were merged into it."""

from collections.abc import Iterator
from typing import Any

from manifests.header import Header


def recipes_of(header: Header) -> list[dict[str, Any]]:
    """The recipes; a header that was tampered with may hold anything in them."""
    return list(_recipes(header.recipe))


def tables_of(header: Header, name: str) -> Iterator[dict[str, Any]]:
    """The tables of that name in all recipes: `sources`, `views`, `generators`."""
    for recipe in recipes_of(header):
        tables = recipe.get(name)
        yield from (table for table in (tables if isinstance(tables, list) else []) if isinstance(table, dict))


def single_views(header: Header) -> list[str]:
    """The dataset's views whose images stand alone."""
    named = {view.get("name") for view in tables_of(header, "views") if view.get("framing") == "single"}
    return [view for view in header.views if view in named]


def _recipes(recipe: dict[str, Any]) -> Iterator[dict[str, Any]]:
    merged = recipe.get("merged")
    if not isinstance(merged, list):
        yield recipe
        return
    for part in merged:
        if isinstance(part, dict) and isinstance(part.get("recipe"), dict):
            yield from _recipes(part["recipe"])
