"""What `docs/sources.md` shows is what recipes take."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from sources.config import SourceConfig

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
_SNIPPET = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def tables() -> list[dict[str, Any]]:
    """All `[[sources]]` tables of the page."""
    blocks = (tomllib.loads(text) for text in _SNIPPET.findall(PAGE.read_text(encoding="utf-8")))
    return [table for block in blocks for table in block.get("sources", [])]


@pytest.mark.parametrize("table", tables(), ids=lambda table: f"{table.get('type')}-{table.get('name', '')}")
def test_a_documented_table_is_one_that_recipes_take(table: dict[str, Any]):
    assert TypeAdapter(SourceConfig).validate_python(table).type == table["type"]


def test_every_source_is_documented():
    union = get_args(SourceConfig)[0]
    types = {config.model_fields["type"].default for config in get_args(union)}
    assert types - {table["type"] for table in tables()} == set()
