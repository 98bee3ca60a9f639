"""Markdown that holds foreign text: whatever the text is, it stays text."""

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")


def inline(text: object) -> str:
    """Text on one line that neither ends a table cell nor is markup: foreign data can put anything into it."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are plain text."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(inline(cell) for cell in line) + " |\n" for line in lines)
