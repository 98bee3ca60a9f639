"""One look for all pages: colours of both themes, the style sheet, and the parts that every page is made of.

All text that these functions take is escaped here, but for what is called `markup`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from PIL import Image

from pages.app.text import escaped, shown

_SHEET = Path(__file__).with_name("style.css")
_FONT = "system-ui, sans-serif"

THEME: dict[str, str] = {
    "theme.font": _FONT,
    "theme.headingFont": _FONT,
    "theme.baseRadius": "0.6rem",
    "theme.light.primaryColor": "#17766f",
    "theme.light.backgroundColor": "#fbfaf8",
    "theme.light.secondaryBackgroundColor": "#f0eeea",
    "theme.light.textColor": "#1f2328",
    "theme.light.linkColor": "#17766f",
    "theme.dark.primaryColor": "#2f9c91",
    "theme.dark.backgroundColor": "#14171a",
    "theme.dark.secondaryBackgroundColor": "#1f2428",
    "theme.dark.textColor": "#e7e5e1",
    "theme.dark.linkColor": "#4fbdb2",
}
"""Streamlit's own settings, the same colours as the report's."""


@dataclass(frozen=True)
class _AsItIs:
    """HTML in the one form that Streamlit does not search for an indentation to take away: a millisecond for 100 kB."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup


def apply() -> None:
    """Put the style sheet on the page."""
    st.html(_SHEET)


@cache
def icon() -> Image.Image:
    """The sign in the browser's tab: the two sides of a pair."""
    sign = Image.new("RGB", (32, 32), "#1f8f85")
    sign.paste("#d0662f", (16, 0, 32, 32))
    return sign


def heading(title: str, note: str = "") -> None:
    """A page's title, and a line on what it shows."""
    line = f'<p class="tw-note">{escaped(note)}</p>' if note else ""
    st.html(f'<div class="tw-head"><h1>{escaped(title)}</h1>{line}</div>')


def section(title: str, note: str = "") -> None:
    """The title of a part of a page."""
    line = f'<p class="tw-note">{escaped(note)}</p>' if note else ""
    st.html(f'<div class="tw-section"><h2>{escaped(title)}</h2>{line}</div>')


def tiles(values: Iterable[tuple[str, str]]) -> None:
    """Figures in boxes.

    Args:
        values: what each is, and its value.
    """
    boxes = "".join(
        f'<div class="tw-tile"><dd>{escaped(value)}</dd><dt>{escaped(label)}</dt></div>' for label, value in values
    )
    st.html(f'<dl class="tw-tiles">{boxes}</dl>')


def images(markup: str) -> None:
    """HTML that holds images.

    Args:
        markup: as it is sent.
    """
    st.html(_AsItIs(markup))


def note(text: str) -> None:
    """A quiet line."""
    st.html(f'<p class="tw-note">{escaped(text)}</p>')


def empty(title: str, advice: str, command: str = "") -> None:
    """What a page says when it has nothing to show, and what would change that."""
    line = f"<code>{escaped(command)}</code>" if command else ""
    st.html(f'<div class="tw-empty"><h2>{escaped(title)}</h2><p>{escaped(advice)}</p>{line}</div>')


def failed(error: Exception) -> None:
    """An error that a person can act on."""
    st.html(
        f'<div class="tw-empty tw-failed" role="alert"><h2>That did not work</h2><p>{escaped(str(error))}</p></div>'
    )


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each."""
    lines = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in rows)
    st.html(f'<dl class="tw-facts">{lines}</dl>')


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = ()) -> None:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        columns: their titles.
        rows: their cells.
        numbers: positions of the columns that hold numbers.
    """
    right = frozenset(numbers)

    def cells(tag: str, row: Iterable[str]) -> str:
        return "".join(
            f'<{tag} class="{"tw-number" if place in right else "tw-text"}">{escaped(cell)}</{tag}>'
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', columns)}</tr></thead>"
    st.html(f'<div class="tw-scroll"><table class="tw-table">{head}<tbody>{body}</tbody></table></div>')


def code(text: str, language: str | None = None) -> None:
    """Text as it is, in a box with a button to copy it."""
    st.code(shown(text, longest=200_000), language=language, wrap_lines=True)
