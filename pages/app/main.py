"""The app: which pages there are, and what they share."""

from collections.abc import Sequence
from functools import partial
from importlib import import_module

import streamlit as st

from manifests.errors import TwinsetError
from pages.app import style
from pages.app.context import AppContext, from_arguments

_PAGES = (
    ("Pairs", "pairs", ":material/compare:"),
    ("Audit", "audit", ":material/fact_check:"),
    ("Detect", "detect", ":material/image_search:"),
    ("Judge", "judge", ":material/gavel:"),
    ("Builds", "builds", ":material/construction:"),
)
"""Title, address and icon; the module of the same name has a function `page` that draws it."""


def main(words: Sequence[str]) -> None:
    """Draw the page that the address names.

    Args:
        words: what `pages.app.context.arguments` has written.
    """
    st.set_page_config(page_title="twinset", page_icon=style.icon(), layout="wide")
    style.apply()
    try:
        context = from_arguments(words)
    except TwinsetError as error:
        style.failed(error)
        return
    st.navigation(
        [
            st.Page(partial(_draw, name, context), title=title, url_path=name, icon=icon, default=name == "pairs")
            for title, name, icon in _PAGES
        ],
        position="top",
    ).run()


def _draw(name: str, context: AppContext) -> None:
    # imported when it is first looked at: a page that runs a model costs seconds and hundreds of megabytes
    page = import_module(f"pages.app.{name}").page
    try:
        page(context)
    except TwinsetError as error:
        style.failed(error)
