"""The command `twinset reference`."""

from enum import StrEnum
from typing import Annotated

import typer


class Page(StrEnum):
    """The pages that are written from the code."""

    RECIPES = "recipes"
    MANIFEST = "manifest"


def reference(page: Annotated[Page, typer.Argument(help="Which page.", show_default=False)]) -> None:
    """Print a page of the reference, in Markdown: every key of a recipe, or every field of a manifest."""
    from twinset.reference.manifest import manifest_reference
    from twinset.reference.recipes import recipe_reference

    typer.echo(recipe_reference() if page is Page.RECIPES else manifest_reference(), nl=False)
