"""ARCHITECTURE.md is true: it has a line for every module, and names none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("twinset", "pages", "flows", "sources", "generation", "audit", "classifier", "pixels", "manifests", "demo")


def test_every_module_has_a_line():
    modules = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py"
    }
    named = set(re.findall(r"^- `([\w/]+\.py)`: ", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.MULTILINE))
    assert named == modules
