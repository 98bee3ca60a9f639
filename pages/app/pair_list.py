"""The list of pairs, a page at a time."""

from functools import lru_cache

import streamlit as st

from manifests.errors import TwinsetError
from pages.app import style
from pages.app.catalogue import Filters, Row
from pages.app.context import AppContext
from pages.app.flags import read_flags
from pages.app.members import Members
from pages.app.paging import PAGE_SIZE, pager, start_of_page
from pages.app.pictures import reduced
from pages.app.text import escaped

_PICTURES_KEPT = 1_000
"""Of at most 256 pixels a side: some 20 MB."""


def list_pairs(context: AppContext, filters: Filters) -> None:
    """Draw one page of the pairs that a filter asks for."""
    start = start_of_page("page", filters)
    selection = context.catalogue.select(filters)
    with st.spinner("Looking through the manifest"):
        rows = selection.page(start, PAGE_SIZE)
    if not rows and selection.count:
        st.session_state["page"] = 1
        st.rerun()
    if not rows:
        _none(selection.looked_at, complete=selection.is_complete)
        return
    pager("page", start, len(rows), selection.count, complete=selection.is_complete, unit="pairs")
    flagged = {flag.pair_id for flag in read_flags(context.notes)}
    columns = st.columns(2, gap="medium")
    for number, row in enumerate(rows):
        with columns[number % 2], st.container(border=True):
            _card(context.members, row, flagged=row.pair_id in flagged)


def open_pair(pair_id: str) -> None:
    """Show one pair; a button's callback."""
    st.query_params["pair"] = pair_id


def _none(looked_at: float, *, complete: bool) -> None:
    if complete:
        style.empty("No pair is like that", "Take a filter away, or look for fewer words.")
        return
    style.empty("None so far", f"{looked_at:.0%} of the manifest has been looked at.")
    st.button("Look on", type="primary")


def _card(members: Members, row: Row, *, flagged: bool) -> None:
    mark = '<span class="tw-flag">flagged</span> ' if flagged else ""
    details = escaped(" · ".join(filter(None, (row.split, row.view, row.source, row.class_label, f"{row.width} px"))))
    caption = f'<p class="tw-caption">{escaped(row.caption, 300)}</p><p class="tw-note">{mark}{details}</p>'
    style.images(f"{_strip(members, row)}{caption}")
    st.button(
        "Look closer",
        key=f"open-{row.place[0]}-{row.place[1]}",
        on_click=open_pair,
        args=(row.pair_id,),
        type="tertiary",
        icon=":material/zoom_in:",
    )


def _strip(members: Members, row: Row) -> str:
    """A pair's images in a line."""
    try:
        pictures = _pictures(members, row.shard, row.pair_id)
    except TwinsetError as error:
        return f'<p class="tw-note">{escaped(str(error))}</p>'
    figures = "".join(_figure(row.label(name), uri) for name, uri in pictures)
    return f'<div class="tw-members">{figures}</div>'


@lru_cache(maxsize=_PICTURES_KEPT // 3)
def _pictures(members: Members, shard: str, pair_id: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((member.name, reduced(member.data)) for member in members.of(shard, pair_id))


def _figure(name: str, uri: str | None) -> str:
    picture = f'<img src="{uri}" alt="{escaped(name)}">' if uri else '<p class="tw-note">not an image</p>'
    side = "tw-real" if name == "real" else "tw-fake"
    return (
        f'<figure class="tw-member {side}"><div class="tw-thumb">{picture}</div>'
        f"<figcaption><b>{escaped(name)}</b></figcaption></figure>"
    )
