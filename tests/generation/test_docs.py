"""The tables of the documentation are ones that a recipe may hold."""

import re
import tomllib
from pathlib import Path

from pydantic import TypeAdapter

from generation.config import GeneratorConfig

PAGE = Path(__file__).parents[2] / "docs" / "generation.md"
GENERATOR: TypeAdapter[GeneratorConfig] = TypeAdapter(GeneratorConfig)


def test_all_generators_of_the_page_are_valid():
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    tables = [table for block in blocks for table in tomllib.loads(block).get("generators", [])]
    methods = {GENERATOR.validate_python(table).method for table in tables}
    assert methods >= {"text-to-image", "image-to-image", "inpaint", "reconstruct"}
