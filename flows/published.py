"""What others have published of the set or the detector that a recipe follows: shown beside the recipe's own numbers.

These numbers are quoted. Nothing here has measured them.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.recipe import read_tables
from manifests.errors import RecipeError, first_complaint


class Published(BaseModel):
    """The table `[published]` of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, description="where the numbers stand")
    counts: dict[str, int] = Field(default_factory=dict, description="images, by the publisher's own names")
    metrics: dict[str, float] = Field(default_factory=dict, description="figures of merit, as fractions of 1")
    parameters: int | None = Field(default=None, gt=0, description="of the published network")
    unverified: tuple[str, ...] = Field(
        default=(), description="what the recipe assumes and the publisher does not say"
    )


def load_published(path: Path) -> Published | None:
    """What a recipe says that others have published; None where it says nothing.

    Raises:
        RecipeError: the file is missing or no TOML, or the table has an unknown key or a wrong value.
    """
    table = read_tables(path).get("published")
    if table is None:
        return None
    try:
        return Published.model_validate(table)
    except ValidationError as error:
        raise RecipeError(f"{path}: published.{first_complaint(error)}") from None
