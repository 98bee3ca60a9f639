"""One pair: its images at pixel scale, their differences, all that the manifest says of it, and a flag."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from pydantic import ValidationError

from manifests.records import Pair
from pages.app import pictures, style
from pages.app.catalogue import Row
from pages.app.context import AppContext
from pages.app.flags import flag, read_flags, unflag
from pages.app.members import Member
from pages.app.text import escaped

_WINDOW = 384
"""CSS pixels: the side of the window on an image that is larger than it."""
_HEADING = 200
"""Characters of a caption that stand as a title."""
_ZOOMS = (1, 2, 3, 4, 6, 8, 12, 16)
_GAINS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Window:
    """The part of each image that is seen.

    Attributes:
        zoom: CSS pixels a pixel.
        across: where the window stands, 0 (left) to 1 (right).
        down: where the window stands, 0 (top) to 1 (bottom).
    """

    zoom: int
    across: float
    down: float


def show_pair(context: AppContext, pair_id: str) -> None:
    """Draw one pair.

    Args:
        context: the dataset.
        pair_id: from the page's address, not to be trusted.
    """
    st.button("All pairs", icon=":material/arrow_back:", shortcut="Esc", on_click=_close)
    row = context.catalogue.find(pair_id)
    if row is None:
        style.empty(
            "There is no such pair", f"The dataset holds no pair {pair_id[:60]!r}. It may have been taken down."
        )
        return
    style.heading(
        row.caption[:_HEADING] or row.pair_id, " · ".join(filter(None, (row.pair_id, row.split, row.view, row.source)))
    )
    members = context.members.of(row.shard, row.pair_id)
    _images([Member(row.label(member.name), member.data) for member in members])
    _flag(context, row)
    record = context.catalogue.record(row)
    _facts(record)
    with st.expander("The record in the manifest, in full", icon=":material/data_object:"):
        style.code(json.dumps(json.loads(record), indent=2, ensure_ascii=False), "json")


def _close() -> None:
    st.query_params.pop("pair", None)


@st.fragment
def _images(members: Sequence[Member]) -> None:
    """The images side by side, with the controls of zoom and difference."""
    sizes = [size for member in members if (size := pictures.size(member.data)) is not None]
    side = max((max(size) for size in sizes), default=1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fitting = max((zoom for zoom in _ZOOMS if zoom * side <= _WINDOW), default=1)
        zoom = st.select_slider(
            "Zoom",
            _ZOOMS,
            value=fitting,
            format_func=_times,
            key="zoom",
            width=240,
        )
        across = down = 50
        if zoom * side > _WINDOW:
            across = st.slider("Across", 0, 100, 50, key="across", width=180, format="%d %%")
            down = st.slider("Down", 0, 100, 50, key="down", width=180, format="%d %%")
        gain = 0
        if len(members) > 1 and st.toggle("Differences from the real", key="differences"):
            gain = st.select_slider(
                "Times",
                _GAINS,
                value=4,
                format_func=_times,
                key="gain",
                width=180,
            )
    window = Window(zoom, across / 100, down / 100)
    style.images(_strip(_member(member, window) for member in members))
    if gain:
        style.images(_strip(_difference(members[0], fake, window, gain) for fake in members[1:]))


def _times(value: int) -> str:
    return f"{value}\N{MULTIPLICATION SIGN}"


def _strip(figures: Iterable[str]) -> str:
    return f'<div class="tw-members">{"".join(figures)}</div>'


def _member(member: Member, window: Window) -> str:
    size = pictures.size(member.data)
    told = f"{size[0]} x {size[1]} pixels, {len(member.data):,} bytes" if size else "not an image that can be shown"
    picture = _seen(pictures.whole(member.data), size, window)
    return _figure("tw-real" if member.is_real else "tw-fake", member.name, told, picture)


def _difference(real: Member, fake: Member, window: Window, gain: int) -> str:
    mean = pictures.mean_difference(real.data, fake.data)
    told = f"mean {mean:.1f} of 255" if mean is not None else "their sizes are not the same"
    picture = _seen(pictures.difference(real.data, fake.data, gain), pictures.size(real.data), window)
    return _figure("tw-difference", f"|real - {fake.name}| times {gain}", told, picture)


def _seen(uri: str | None, size: tuple[int, int] | None, window: Window) -> str:
    """An image through its window; nothing where there is none."""
    if uri is None or size is None:
        return ""
    width, height = size[0] * window.zoom, size[1] * window.zoom
    box = min(width, _WINDOW), min(height, _WINDOW)
    left, top = round((width - box[0]) * window.across), round((height - box[1]) * window.down)
    return (
        f'<div class="tw-window" style="width:{box[0]}px;height:{box[1]}px"><img src="{uri}" alt="" '
        f'style="width:{width}px;height:{height}px;margin:-{top}px 0 0 -{left}px"></div>'
    )


def _figure(side: str, name: str, told: str, picture: str) -> str:
    caption = f"<figcaption><b>{escaped(name)}</b><br>{escaped(told)}</figcaption>"
    return f'<figure class="tw-member {side}">{picture}{caption}</figure>'


def _flag(context: AppContext, row: Row) -> None:
    """Put the pair on the list of those to be taken down, or take it from there."""
    known = next((known for known in read_flags(context.notes) if known.pair_id == row.pair_id), None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if known is not None:
            style.note(f"Flagged{f': {known.why}' if known.why else ''}.")
            st.button("Unflag", icon=":material/flag:", on_click=unflag, args=(context.notes, row.pair_id))
            return
        why = st.text_input("Why it should not be here", key="why", max_chars=300, placeholder="optional", width=320)
        if st.button("Flag this pair", icon=":material/outlined_flag:"):
            flag(context.notes, row.pair_id, why)
            st.rerun()


def _facts(record: str) -> None:
    """What a reader asks of a pair first."""
    try:
        pair = Pair.model_validate_json(record)
    except ValidationError:
        style.note("The record is of another version of the manifest; it stands below as it is.")
        return
    image = pair.image
    style.section("The real image" if not pair.is_single else "The image")
    style.facts(
        (name, value)
        for name, value in (
            ("source", f"{image.source}: {image.source_id}"),
            ("class", image.class_label),
            ("title", image.title),
            ("author", image.author),
            ("licence", image.license),
            ("page", image.landing_url or image.url),
            ("original", f"{pair.facts.format}, {pair.facts.width} x {pair.facts.height} pixels, {image.size:,} bytes"),
            (
                "window",
                f"{pair.frame.side} x {pair.frame.side} at ({pair.frame.x}, {pair.frame.y}), to {pair.frame.size}",
            ),
            ("history", f"{pair.history} {pair.jpeg_subsampling}".strip()),
            ("caption by", pair.caption.model),
        )
        if value
    )
    for name, fake in sorted(pair.fakes.items()):
        style.section(f"Fake: {name}")
        style.facts(
            (label, value)
            for label, value in (
                ("method", fake.method),
                ("model", f"{fake.model} {fake.revision}".strip()),
                ("prompt", fake.prompt_used or fake.prompt),
                ("negative prompt", fake.negative_prompt),
                ("steps", str(fake.num_inference_steps or "")),
                ("guidance", f"{fake.guidance_scale:g}" if fake.guidance_scale else ""),
                ("seed", str(fake.seed)),
                ("native size", f"{fake.native_width} x {fake.native_height} pixels"),
                ("similarity of prompts", f"{fake.similarity:.3f}" if fake.retrieved is not None else ""),
                ("retrieved from", fake.retrieved.source if fake.retrieved is not None else ""),
            )
            if value
        )
