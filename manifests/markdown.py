"""Markdown that holds foreign text: whatever the text is, it stays text."""

import re
from collections.abc import Iterable, Sequence

from manifests.errors import printable

_PLAIN = re.compile(r"[\w.+/:@-]+")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")


def inline(text: object) -> str:
    """Text on one line that neither ends a table cell nor is markup: foreign data can put anything into it.

    What is not printable becomes `?`: marks that turn the direction of writing would show another text than there is.
    """
    return _MARKUP.sub(r"\\\g<0>", printable(" ".join(str(text).split())))


def code(text: str) -> str:
    """A name as code where it looks like one; else as text."""
    return f"`{text}`" if _PLAIN.fullmatch(text) else inline(text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are plain text."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(inline(cell) for cell in line) + " |\n" for line in lines)
