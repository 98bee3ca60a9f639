"""Foreign text made fit to be shown: captions, titles, authors and URLs can hold anything."""

import html
import unicodedata

_LONGEST = 2_000
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not seen: controls, marks that turn the direction of writing, lone surrogates."""


def shown(text: str, longest: int = _LONGEST) -> str:
    """Text in which nothing hides: what is not seen stands there by its number, and what is too long is cut.

    Args:
        text: from anywhere.
        longest: number of characters that are kept.
    """
    return visible(text if len(text) <= longest else f"{text[:longest]}…")


def visible(text: str) -> str:
    """Text in which what is not seen stands by its number, at any length."""
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def escaped(text: str, longest: int = _LONGEST) -> str:
    """Text as it may stand in HTML, between tags or in a quoted attribute."""
    return html.escape(shown(text, longest), quote=True)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN or character in "\n\t":
        return character
    return f"\\u{ord(character):04x}"
