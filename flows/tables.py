"""One table of a recipe: of a recipe that a person names, or of the one that a dataset was built from."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from flows.recipe import load_recipe, located
from manifests.dataset import Dataset
from manifests.errors import RecipeError, first_complaint

T = TypeVar("T", bound=BaseModel)


def read_table(kind: type[T], name: str, dataset: Dataset, recipe: str | None, preset: str) -> T:
    """A recipe's table; the defaults where the recipe has none.

    Args:
        kind: the table's model.
        name: its name.
        dataset: whose own recipe is asked where none is named.
        recipe: path of a recipe.
        preset: which of the presets of that one.

    Raises:
        RecipeError: the recipe or the table is wrong.
    """
    if recipe is not None:
        # a recipe's field is found by the table's name, which is its alias where Python has no such name
        table = getattr(load_recipe(Path(recipe), preset), {"continue": "continued"}.get(name, name))
        return located(table, Path(recipe).absolute().parent) if isinstance(table, kind) else kind()
    try:
        return kind.model_validate(dataset.header.recipe.get(name) or {})
    except ValidationError as error:
        raise RecipeError(f"{dataset.root}: {name}.{first_complaint(error)}.") from None
