"""The page that describes the service: its OpenAPI document as plain HTML, which asks for nothing from anywhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pages.detector_facts import DetectorFacts
from pages.templating import environment


@dataclass(frozen=True)
class Field:
    """One field of a schema."""

    name: str
    kind: str
    note: str


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        bodies: content type and what it holds.
        responses: status, what it means, and the name of its schema.
    """

    method: str
    path: str
    note: str
    bodies: tuple[tuple[str, tuple[Field, ...]], ...]
    responses: tuple[tuple[str, str, str], ...]


def render_openapi(document: Mapping[str, Any], facts: DetectorFacts) -> str:
    """The page as HTML.

    Args:
        document: OpenAPI, as FastAPI makes it.
        facts: the detector that answers.
    """
    schemas = document.get("components", {}).get("schemas", {})
    return (
        environment()
        .get_template("service.html")
        .render(
            document=document,
            facts=facts,
            operations=tuple(_operations(document)),
            schemas={name: tuple(_fields(schema)) for name, schema in schemas.items() if "properties" in schema},
        )
    )


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = operation.get("requestBody", {}).get("content", {})
            yield Operation(
                method=method.upper(),
                path=path,
                note=operation.get("description", ""),
                bodies=tuple((kind, tuple(_fields(body["schema"]))) for kind, body in bodies.items()),
                responses=tuple(
                    (status, response["description"], _kind(_schema(response)))
                    for status, response in operation["responses"].items()
                ),
            )


def _schema(response: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = response.get("content", {}).get("application/json", {})
    schema: Mapping[str, Any] = content.get("schema", {})
    return schema


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, field in schema.get("properties", {}).items():
        yield Field(name, _kind(field), field.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", ""))
