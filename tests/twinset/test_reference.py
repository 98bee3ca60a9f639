"""The pages that are written from the code are current, whole, and lead nowhere that is not there."""

import re
from pathlib import Path

import pytest

from twinset.reference.manifest import manifest_reference
from twinset.reference.recipes import recipe_reference
from twinset.reference.tables import anchor
from twinset.reference.types import default_words, type_words

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"recipes": recipe_reference, "manifest": manifest_reference}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A page's name and text."""
    return request.param, PAGES[request.param]()


def test_the_page_is_what_the_code_says(page: tuple[str, str]):
    name, text = page
    assert (DOCS / f"{name}.md").read_text() == text, f"run `twinset reference {name} > docs/{name}.md`"


def test_every_key_has_a_meaning(page: tuple[str, str]):
    rows = [line for line in page[1].splitlines() if line.startswith("| `") and line.count(" | ") >= 3]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_link_inside_the_page_has_its_heading(page: tuple[str, str]):
    text = page[1]
    headings = [anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)]
    assert len(set(headings)) == len(headings)
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(headings)


def test_types_are_told_in_words():
    def linked(model: str) -> str:
        return f"<{model}>"

    assert (
        type_words({"anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "null"}]}, linked) == "integer > 0"
    )
    assert type_words({"type": "array", "items": {"$ref": "#/$defs/Frame"}}, linked) == "list of <Frame>"
    assert type_words({"enum": ["a", "b"]}, linked) == '`"a"`, `"b"`'
    assert type_words({"type": "string", "pattern": "^(a|b)$"}, linked) == "text `^(a\\|b)$`"
    assert type_words({"type": "object", "additionalProperties": {"type": "number"}}, linked) == "table of number"
    assert default_words({}, is_required=True) == "required"
    assert default_words({"default": None}, is_required=False) == "none"
    assert default_words({"default": False}, is_required=False) == "`false`"
    assert default_words({"default": []}, is_required=False) == "empty"
