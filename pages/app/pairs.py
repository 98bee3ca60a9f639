"""The page Pairs: real, caption and fakes side by side; what was dropped, and what was flagged."""

import streamlit as st

from pages.app import style
from pages.app.context import AppContext
from pages.app.filters import filter_bar
from pages.app.pair_list import list_pairs
from pages.app.pair_view import show_pair
from pages.app.side_lists import list_flags, list_rejects

_LISTS = ("Pairs", "Dropped", "Flagged")


def page(context: AppContext) -> None:
    """Draw the page."""
    if context.dataset is None:
        style.heading(context.name)
        style.empty(
            "No pairs yet",
            "The build has not come to its dataset. The page Builds shows how far it is.",
            f"twinset status {context.build.folder}" if context.build is not None else "",
        )
        return
    if wanted := st.query_params.get("pair"):
        show_pair(context, wanted)
        return
    style.heading(context.name, f"{context.catalogue.total:,} pairs")
    which = st.segmented_control(
        "What to list",
        _LISTS,
        default="Pairs",
        required=True,
        key="list",
        bind="query-params",
        label_visibility="collapsed",
    )
    if which == "Dropped":
        list_rejects(context)
    elif which == "Flagged":
        list_flags(context)
    else:
        list_pairs(context, filter_bar(context))
