"""The reference of recipes: every table and key, from the models that read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from pydantic.fields import FieldInfo

from flows.published import Published
from flows.recipe import Recipe
from sources.base import SourceSettings
from twinset.reference.tables import Model, anchor, fields_table, models_in, summary

_INTRODUCTION = """# Recipes

A recipe is one TOML file. `twinset init` writes a first one, `twinset plan RECIPE` checks it and says what it would make, and
`twinset doctor RECIPE` says what it lacks on this machine. Recipes that are shipped are in `recipes/`.

- A key that is not listed here is refused, and so is a value outside its bounds; the message names the key.
- A relative path starts from the recipe's folder. Where a model is asked for, what is no path there is an id on the Hub.
- Other settings give other datasets: a build's folder belongs to one recipe, and `--redo` hands it over to a changed one.

This page is written from the code: `twinset reference recipes > docs/recipes.md`.
"""

_PRESETS = """## `[presets.NAME]`

What `--preset NAME` lays over the recipe before it is checked: tables key by key; `sources`, `views` and `generators` entry by
entry, by name; all else is replaced. A table whose `type`, `method` or `source` changes is replaced whole. `scale`, above 0 and at
most 1, multiplies the limits and counts of the recipe first. Several presets, with commas between them, are laid over one
after the other.

```toml
[presets.debug]
scale = 0.01

[presets.debug.classifier]
epochs = 1
```
"""

_KINDS = {"sources": "Source", "generators": "Generator", "caption": "Caption"}
"""The recipe's tables that are of several kinds, and what one of them is called in a heading."""

_TELLING = ("type", "method", "source")
"""The keys that tell of which kind a table is."""


@dataclass(frozen=True)
class _Section:
    """A table of the recipe.

    Attributes:
        heading: of Markdown, without its signs.
        model: what reads the table.
    """

    heading: str
    model: Model


def recipe_reference() -> str:
    """The page `docs/recipes.md`."""
    sections = list(_sections())
    headings = {section.model.__name__: section.heading for section in sections}

    def linked(model: str) -> str:
        heading = headings[model]
        return f"[{heading}](#{anchor(heading)})"

    blocks = [_INTRODUCTION, "## The recipe\n", "\n".join(_recipe_table(linked)) + "\n"]
    for section in sections:
        if section.model.__name__ == next(iter(_kinds("sources"))).__name__:
            blocks.append(_every_source(linked))
        blocks.append(_section_text(section, linked))
    published = "\n".join(fields_table(Published, linked))
    blocks += [_PRESETS, f"## `[published]`\n\n{summary(Published)} {_QUOTED}\n\n{published}\n"]
    return "\n".join(blocks)


_QUOTED = "What others have published of the set; `twinset plan` shows it beside the recipe's own numbers, labelled so."


def _recipe_table(linked: Any) -> list[str]:
    """The recipe's own keys; a table of several kinds is one line."""

    def grouped(model: str) -> str:
        for field, word in _KINDS.items():
            if any(kind.__name__ == model for kind in _kinds(field)):
                return f"[one of {word.lower()}s](#{anchor(_group_heading(field))})"
        return str(linked(model))

    return fields_table(Recipe, grouped)


def _every_source(linked: Any) -> str:
    common = "\n".join(fields_table(SourceSettings, linked))
    return (
        f"## {_group_heading('sources')}\n\nThe entries of `[[sources]]`, and of `[[candidates]]`, which hold existing fakes. "
        f"[sources.md](sources.md) says where to get each set and in which format. Every source has these keys; its `name` is "
        f"its `type` where nothing else is said.\n\n{common}\n"
    )


def _section_text(section: _Section, linked: Any) -> str:
    kind = section.heading.split(" ")[0]
    is_source = kind == "Source"
    level = "###" if kind in _KINDS.values() else "##"
    leave_out = tuple(SourceSettings.model_fields) if is_source else ()
    table = fields_table(section.model, linked, leave_out)
    introduction = ""
    for field, word in _KINDS.items():
        if field != "sources" and kind == word and section.model is _kinds(field)[0]:
            introduction = f"## {_group_heading(field)}\n\nOne of the following tables.\n\n"
    return "\n".join([f"{introduction}{level} {section.heading}", "", summary(section.model), "", *table, ""])


def _group_heading(field: str) -> str:
    return "`[caption]`" if field == "caption" else f"`[[{field}]]`"


def _sections() -> Iterator[_Section]:
    """All tables below the recipe, in its order; each model once, where it is met first."""
    seen: set[Model] = set()
    headings: set[str] = set()
    for name, field in Recipe.model_fields.items():
        for section, kind in _below(field.alias or name, field, ""):
            if section.model in seen:
                continue
            seen.add(section.model)
            # tables of one name may be read by two models
            heading = f"{section.heading} of `{kind}`" if section.heading in headings else section.heading
            headings.add(heading)
            yield _Section(heading, section.model)


def _below(place: str, field: FieldInfo, kind: str) -> Iterator[tuple[_Section, str]]:
    """The tables of a field and those inside them, each with the kind of the table that it stands in."""
    models = models_in(field.annotation)
    yield from ((_Section(_heading(place, model), model), kind) for model in models)
    for model in models:
        for name, inner in model.model_fields.items():
            yield from _below(f"{place}.{inner.alias or name}", inner, _kind_of(model) or kind)


def _heading(place: str, model: Model) -> str:
    if place in _KINDS:
        return f"{_KINDS[place]} `{_kind_of(model)}`"
    return f"`[[{place}]]`" if place == "views" else f"`[{place}]`"


def _kind_of(model: Model) -> str:
    """What tells a table from others of its name: `type = "folder"`; empty where nothing has to."""
    told = [name for name in _TELLING if name in model.model_fields and _is_constant(model, name)]
    return str(model.model_fields[told[0]].default) if told else ""


def _is_constant(model: Model, name: str) -> bool:
    return get_origin(model.model_fields[name].annotation) is Literal


def _kinds(field: str) -> list[Model]:
    """The models of which a table of the recipe may be."""
    return models_in(Recipe.model_fields[field].annotation)
