"""The lists beside the pairs: what was dropped on the way, and what people have flagged."""

import shlex

import streamlit as st

from pages.app import style
from pages.app.context import AppContext
from pages.app.flags import FLAGS, read_flags, unflag
from pages.app.paging import PAGE_SIZE, pager, start_of_page
from pages.app.pair_list import open_pair
from pages.app.text import shown


def list_rejects(context: AppContext) -> None:
    """Draw what was dropped, by stage and reason."""
    with st.spinner("Counting what was dropped"):
        counts = context.rejects.counts()
    if not counts:
        style.empty("Nothing was dropped", "All items that the sources listed became pairs.")
        return
    stage, reason = st.selectbox(
        f"Why ({counts.total():,} items were dropped)",
        [which for which, _ in counts.most_common()],
        format_func=lambda which: f"{which[1]} (at {which[0]}): {counts[which]:,}",
        key="reason",
        bind="query-params",
    )
    start = start_of_page("item", (stage, reason))
    rejects = context.rejects.page(stage, reason, start, PAGE_SIZE)
    pager("item", start, len(rejects), counts[stage, reason], complete=True, unit="items")
    style.table(("item", "what was found"), ((reject.key, reject.detail) for reject in rejects))


def list_flags(context: AppContext) -> None:
    """Draw the flagged pairs, and what to do with them."""
    flags = read_flags(context.notes)
    if not flags:
        style.empty("No pair is flagged", "Look closer at a pair that should not be there, and flag it.")
        return
    style.note("Flagging changes nothing in the dataset. This command takes the flagged pairs down:")
    style.code(shlex.join(["twinset", "takedown", context.opened.root, "--ids", f"{context.notes}/{FLAGS}"]), "bash")
    for number, flag in enumerate(flags):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            style.facts([("pair", flag.pair_id), *([("why", flag.why)] if flag.why else [])])
            st.button("Look closer", key=f"look-{number}", on_click=open_pair, args=(flag.pair_id,))
            st.button("Unflag", key=f"unflag-{number}", on_click=unflag, args=(context.notes, flag.pair_id))
    st.download_button(
        "Save the list",
        "".join(f"{shown(flag.pair_id)}\n" for flag in flags),
        FLAGS,
        "text/plain",
        icon=":material/download:",
    )
