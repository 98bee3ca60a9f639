"""Which columns of somebody's list of images say what."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_USUAL: Mapping[str, Sequence[str]] = {
    "url": ("url", "image_url", "img_url"),
    "path": ("path", "img_path", "image_path", "file_name"),
    "id": ("id", "image_id"),
    "caption": ("caption", "text"),
    "license": ("license", "licence"),
    "author": ("author",),
    "author_url": ("author_url",),
    "title": ("title",),
    "landing_url": ("landing_url",),
    "class_label": ("class_label", "class", "label"),
    "md5": ("md5",),
    "sha256": ("sha256",),
    "width": ("width",),
    "height": ("height",),
    "generator": ("generator",),
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
}
"""Names that are looked for, in small letters; the first that a list has is taken."""


class UrlColumns(BaseModel):
    """Names of columns; those left empty are looked for by their usual names. `a.b` is the key b of JSON's object a."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(default="", description="of the image: url, image_url, img_url")
    path: str = Field(default="", description="of the image below `images`: path, img_path, image_path, file_name")
    id: str = Field(default="", description="the list's own name for the image: id, image_id; else its URL or path")
    caption: str = Field(default="", description="caption, text")
    license: str = Field(default="", description="license, licence")
    author: str = Field(default="", description="author")
    author_url: str = Field(default="", description="author_url")
    title: str = Field(default="", description="title")
    landing_url: str = Field(default="", description="page that shows the image: landing_url")
    class_label: str = Field(default="", description="class_label, class, label")
    md5: str = Field(default="", description="hex digest of the file: md5")
    sha256: str = Field(default="", description="hex digest of the file: sha256")
    width: str = Field(default="", description="pixels: width")
    height: str = Field(default="", description="pixels: height")
    generator: str = Field(default="", description="what made the image; empty cells are real images: generator")
    prompt: str = Field(default="", description="what a generator was asked for: prompt")
    negative_prompt: str = Field(default="", description="negative_prompt")

    def match(self, present: Sequence[str]) -> dict[str, str]:
        """The column of a table for each field that it says anything about.

        Args:
            present: the table's columns.
        """
        small = {name.lower(): name for name in reversed(present)}  # of two that differ in case alone, the first
        found = {}
        for field, usual in _USUAL.items():
            column = getattr(self, field) or next((small[name] for name in usual if name in small), "")
            if column:
                found[field] = column
        return found


def cell(cells: Mapping[str, Any], column: str) -> str:
    """What a row says in a column, as text without blanks round it; empty for nothing, NaN, and lists or objects.

    Args:
        cells: the row.
        column: its name; of an object inside an object: both names with a dot between them.
    """
    value: Any = cells.get(column)
    if value is None and "." in column:
        outer, _, inner = column.partition(".")
        nested = cells.get(outer)
        return cell(nested, inner) if isinstance(nested, Mapping) else ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ("" if value != value else str(value))  # noqa: PLR0124 - NaN
    return str(value).strip() if isinstance(value, str | int) else ""
