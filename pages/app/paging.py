"""Walking through a list: back, on, and to a page. The page's number stands in the address."""

import streamlit as st

PAGE_SIZE = 12


def start_of_page(key: str, what: object) -> int:
    """The number of the first item that is shown, from 0; a changed list begins at its beginning.

    Args:
        key: of the list, and of the page's number in the address.
        what: the list is of: when this changes, the first page is shown.
    """
    before = st.session_state.setdefault(f"{key}-of", what)
    if before != what:
        st.session_state[f"{key}-of"] = what
        st.session_state[key] = 1
    if key not in st.session_state:
        st.session_state[key] = _from_address(key)
    return (int(st.session_state[key]) - 1) * PAGE_SIZE


def pager(key: str, start: int, shown: int, found: int, *, complete: bool, unit: str) -> None:
    """What is shown of how many, and the buttons to walk on.

    Args:
        key: of the list.
        start: number of the first item that is shown, from 0.
        shown: number of items that are shown.
        found: number of items that are known of.
        complete: whether these are all.
        unit: what the items are.
    """
    page, pages = start // PAGE_SIZE + 1, max(-(-found // PAGE_SIZE), start // PAGE_SIZE + 1)

    def go(to: int) -> None:
        st.session_state[key] = to

    with st.container(horizontal=True, vertical_alignment="center", key=f"tw-pager-{key}"):
        known = f"{found:,}" if complete else f"at least {found:,}"
        dash = "\N{EN DASH}"
        st.html(
            f'<p class="tw-count"><b>{start + 1:,}{dash}{start + shown:,}</b> of {known} {unit}</p>', width="content"
        )
        st.button(
            "Previous",
            key=f"{key}-previous",
            icon=":material/chevron_left:",
            shortcut="Left",
            disabled=page == 1,
            on_click=go,
            args=(page - 1,),
        )
        st.button(
            "Next",
            key=f"{key}-next",
            icon=":material/chevron_right:",
            icon_position="right",
            shortcut="Right",
            disabled=complete and page == pages,
            on_click=go,
            args=(page + 1,),
        )
        st.number_input(
            "Page",
            1,
            pages,
            key=key,
            width=130,
            label_visibility="collapsed",
            bind="query-params",
            help="Go to this page",
        )


def _from_address(key: str) -> int:
    """The page that the address names; the first where it names none."""
    named = st.query_params.get(key, "")
    return max(int(named), 1) if named.isascii() and named.isdecimal() and len(named) < 10 else 1
