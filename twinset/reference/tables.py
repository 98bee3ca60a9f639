"""A model's fields as a table of Markdown."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from twinset.reference.types import Linked, default_words, type_words

Model = type[BaseModel]

_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def anchor(heading: str) -> str:
    """What a heading of Markdown is linked by, as forges make it."""
    return _NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def summary(model: Model) -> str:
    """The first paragraph of a model's docstring."""
    return " ".join((model.__doc__ or "").strip().partition("\n\n")[0].split())


def models_in(annotation: Any) -> list[Model]:
    """All models inside an annotation, in its order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


def fields_table(model: Model, linked: Linked, leave_out: Collection[str] = ()) -> list[str]:
    """The lines of a table: key, type, default, meaning.

    Args:
        model: whose fields.
        linked: names a model.
        leave_out: fields that are told of elsewhere.

    Returns:
        Lines; none where no field is left.
    """
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", ())
    rows = [
        f"| `{key}` | {type_words(value, linked)} | {default_words(value, is_required=key in required)} "
        f"| {_cell(meaning(model, key, value))} |"
        for key, value in schema.get("properties", {}).items()
        if key not in leave_out
    ]
    return ["| key | type | default | |", "|---|---|---|---|", *rows] if rows else []


def meaning(model: Model, key: str, schema: Mapping[str, Any]) -> str:
    """What a field is for: its own description, that of the field which it overrides, or what its table is."""
    if "const" in schema:
        return "tells which table this is"
    fields = [
        field
        for base in model.__mro__
        if issubclass(base, BaseModel)
        for name, field in base.model_fields.items()
        if (field.alias or name) == key
    ]
    described = [field.description for field in fields if field.description]
    if described:
        return described[0]
    inner = models_in(fields[0].annotation)
    return summary(inner[0]) if len(inner) == 1 else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
