"""Which columns of a LAION table say what: their names changed from release to release."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manifests.errors import SourceError

ScoreName = Literal["aesthetic", "punsafe", "pwatermark", "similarity"]

SCORES: tuple[ScoreName, ...] = ("aesthetic", "punsafe", "pwatermark", "similarity")

# in small letters; the first that a table has is taken
_PUBLISHED: Mapping[str, Sequence[str]] = {
    "url": ("url",),
    "caption": ("text", "caption"),
    "id": ("sample_id", "hash"),
    "license": ("license",),
    "nsfw": ("nsfw",),
    "width": ("width", "original_width"),
    "height": ("height", "original_height"),
    "aesthetic": ("aesthetic", "aesthetic_score"),
    "punsafe": ("punsafe",),
    "pwatermark": ("pwatermark",),
    "similarity": ("similarity",),
}


class LaionColumns(BaseModel):
    """Names of columns; those left empty are found by their published names, in capital or small letters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(default="", description="published as URL, url")
    caption: str = Field(default="", description="published as TEXT, caption")
    id: str = Field(
        default="", description="published as SAMPLE_ID, hash; where there is none, part and row are the id"
    )
    license: str = Field(default="", description="published as LICENSE")
    nsfw: str = Field(default="", description="published as NSFW")
    width: str = Field(default="", description="published as WIDTH, width, original_width")
    height: str = Field(default="", description="published as HEIGHT, height, original_height")
    aesthetic: str = Field(default="", description="published as aesthetic, AESTHETIC_SCORE")
    punsafe: str = Field(default="", description="published as punsafe")
    pwatermark: str = Field(default="", description="published as pwatermark")
    similarity: str = Field(default="", description="published as similarity")


def match(present: Sequence[str], names: LaionColumns, needed: Mapping[str, str], path: str) -> dict[str, str]:
    """The column of a table for each field that the table says anything about.

    Args:
        present: the table's columns.
        names: what the recipe says.
        needed: fields that the table has to have, with what asks for each.
        path: the table, for errors.

    Raises:
        SourceError: a column that the recipe names, or one that is needed, is not there; the line says which are.
    """
    small = {name.lower(): name for name in reversed(present)}  # of two that differ in case alone, the first
    found: dict[str, str] = {}
    for field, published in _PUBLISHED.items():
        named = getattr(names, field)
        if named:
            if named not in present:
                raise SourceError(f"{path}: no column {named!r}, which columns.{field} names; {_there_are(present)}")
            found[field] = named
            continue
        column = next((small[name] for name in published if name in small), None)
        if column is not None:
            found[field] = column
        elif field in needed:
            raise SourceError(
                f"{path}: no column {' or '.join(published)}, which {needed[field]} needs; {_there_are(present)}; "
                f"name it as columns.{field}"
            )
    return found


def _there_are(present: Sequence[str]) -> str:
    return "there are " + ", ".join(repr(name) for name in present[:40])
