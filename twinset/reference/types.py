"""What a JSON schema says of a value, in words."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Linked = Callable[[str], str]
"""What a model is called in the text, by the model's class name: a link to its table."""

_WORDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def type_words(schema: Schema, linked: Linked) -> str:
    """The type of a value, with its bounds.

    Args:
        schema: of the value, as pydantic writes it.
        linked: names a model.
    """
    if "$ref" in schema:
        return linked(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return ", ".join(_code(value) for value in schema["enum"])
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        # null is what is not said: the table's column of defaults has it
        words = [type_words(option, linked) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    return _plain(schema, linked)


def default_words(schema: Schema, *, is_required: bool) -> str:
    """What a value is where nothing is said."""
    if is_required:
        return "required"
    default = schema.get("default")
    if isinstance(default, dict) and default and ("$ref" in schema or "allOf" in schema):
        return "see there"
    if default is None:
        return "none" if "default" in schema else "empty"
    return "empty" if default in ("", [], {}) else _code(default)


def _plain(schema: Schema, linked: Linked) -> str:
    kind = schema.get("type", "")
    if kind == "array":
        return _list(schema, linked)
    if kind == "object":
        # keys of a pattern, or any keys
        inner = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        values = [value for value in inner if isinstance(value, dict) and value]
        return f"table of {type_words(values[0], linked)}" if values else "table"
    bounds = [f"{sign} {schema[key]:,}" for key, sign in _BOUNDS.items() if key in schema]
    if "multipleOf" in schema:
        bounds.append(f"a multiple of {schema['multipleOf']}")
    if "pattern" in schema:
        bounds.append(_code(schema["pattern"], quoted=False))
    word = _WORDS.get(kind, "any value")
    return f"{word} {', '.join(bounds)}" if bounds else word


def _list(schema: Schema, linked: Linked) -> str:
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {type_words(schema['prefixItems'][0], linked)}"
    return f"list of {type_words(schema.get('items', {}), linked)}"


def _code(value: Any, *, quoted: bool = True) -> str:
    """A value as TOML and JSON have it; a bar would end the table's cell."""
    text = json.dumps(value, ensure_ascii=False) if quoted else str(value)
    return f"`{text}`".replace("|", "\\|")
