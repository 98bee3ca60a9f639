"""The page Builds: how far a build is, how fast, what it dropped, and when it will be done."""

import os
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import streamlit as st

from flows.folder import BuildFolder
from flows.stages.base import StageCount
from manifests.errors import TwinsetError
from pages.app import style
from pages.app.context import AppContext
from pages.app.progress import Progress, ProgressReader, time_left
from pages.app.text import escaped

_EVERY = 2.0
_QUIET = 600.0
"""Seconds without a finished chunk after which a build may have stopped."""
_COLUMNS = ("stage", "done", "chunks", "seen", "forwarded", "dropped", "speed", "time")


def page(context: AppContext) -> None:
    """Draw the page."""
    if context.build is None:
        style.heading("Builds", context.name)
        style.empty(
            "No build here",
            "This dataset lies alone: its work folder, which says how it was made, is elsewhere. "
            "Give the build's folder instead of the dataset's.",
            "twinset pages BUILD",
        )
        return
    style.heading(context.build.recipe.name, f"the build in {PurePosixPath(context.build.folder.root).name}/")
    if address := prefect_page(os.environ):
        st.link_button("Prefect's own page", address, icon=":material/open_in_new:")
    progress = _reader().read(context.build)
    if progress.finished:
        _draw(progress)
    else:
        st.fragment(_follow, run_every=_EVERY)(context.build)


def prefect_page(environment: Mapping[str, str]) -> str | None:
    """Where Prefect shows its runs, by its settings; None where no server is named."""
    for name, suffix in (("PREFECT_UI_URL", ""), ("PREFECT_API_URL", "/api")):
        address = environment.get(name, "").rstrip("/")
        if address and urlsplit(address).scheme in ("http", "https"):
            return address.removesuffix(suffix)
    return None


@st.cache_resource(show_spinner=False)
def _reader() -> ProgressReader:
    return ProgressReader()


def _follow(build: BuildFolder) -> None:
    """Draw a build that may be running; called again and again."""
    try:
        progress = _reader().read(build)
    except TwinsetError as error:
        style.failed(error)
        return
    _draw(progress)
    if progress.finished:
        st.rerun()


def _draw(progress: Progress) -> None:
    left = time_left(progress.stages)
    dropped = progress.rejected
    style.tiles(
        [
            ("state", _state(progress)),
            ("chunks done", f"{progress.share:.0%}"),
            ("pairs so far", f"{_pairs(progress):,}"),
            ("dropped", f"{dropped.total():,}"),
            ("time left", "none" if progress.finished else _left(left.seconds, at_least=bool(left.unknown))),
            ("last chunk", _ago(progress.latest)),
        ]
    )
    if progress.warning:
        style.note(progress.warning)
    if left.unknown and not progress.finished:
        style.note(f"Not begun, so that their time is not known: {', '.join(left.unknown)}.")
    style.section("Stages")
    _stages(progress.stages)
    style.section("What was dropped, and why")
    if dropped:
        _reasons(dropped.most_common())
    else:
        style.note("Nothing so far.")


def _state(progress: Progress) -> str:
    if progress.finished:
        return "finished"
    if progress.latest is None:
        return "beginning"
    return "running" if time.time() - progress.latest < _QUIET else "quiet"


def _pairs(progress: Progress) -> int:
    """Pairs that the last stage of pairs has forwarded."""
    reached = [stage.forwarded for stage in progress.stages if stage.unit == "pairs" and stage.chunks_done]
    return reached[-1] if reached else 0


def _stages(stages: tuple[StageCount, ...]) -> None:
    """A line a stage, with a bar."""
    rows = "".join(_stage(stage) for stage in stages)
    head = "".join(
        f'<th class="{"tw-number" if place > 1 else "tw-text"}">{name}</th>' for place, name in enumerate(_COLUMNS)
    )
    st.html(
        f'<div class="tw-scroll"><table class="tw-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _stage(stage: StageCount) -> str:
    chunks = max(stage.chunks, stage.chunks_done)
    share = stage.chunks_done / chunks if chunks else 0.0
    numbers = (
        f"{stage.chunks_done:,} of {stage.chunks:,}" if stage.chunks else f"{stage.chunks_done:,}",
        f"{stage.seen:,} {stage.unit}",
        f"{stage.forwarded:,}",
        f"{sum(stage.rejected.values()):,}",
        _speed(stage),
        duration(stage.seconds) if stage.chunks_done else "",
    )
    cells = "".join(f'<td class="tw-number">{escaped(number)}</td>' for number in numbers)
    bar = f'<div class="tw-bar" role="img" aria-label="{share:.0%} done"><span style="width:{share:.1%}"></span></div>'
    return f'<tr><td class="tw-name">{escaped(stage.name)}</td><td class="tw-barcell">{bar}</td>{cells}</tr>'


def _speed(stage: StageCount) -> str:
    """Items a second of work."""
    if stage.seconds <= 0 or not stage.seen:
        return ""
    rate = stage.seen / stage.seconds
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def _reasons(counts: list[tuple[tuple[str, str], int]]) -> None:
    """A line a reason, with a bar."""
    most = counts[0][1]
    rows = "".join(
        f'<tr><td>{escaped(reason)}</td><td>at {escaped(stage)}</td><td class="tw-barcell"><div class="tw-bar tw-dropped">'
        f'<span style="width:{count / most:.1%}"></span></div></td><td class="tw-number">{count:,}</td></tr>'
        for (stage, reason), count in counts
    )
    st.html(f'<div class="tw-scroll"><table class="tw-table"><tbody>{rows}</tbody></table></div>')


def duration(seconds: float) -> str:
    """A time in the two largest units that it has: `3 h 20 min`."""
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"


def _left(seconds: float, *, at_least: bool) -> str:
    if at_least and seconds < 1:
        return "not known"
    # an estimate is no better than that
    told = duration(seconds if seconds < 60 else round(seconds / 60) * 60)
    return f"over {told}" if at_least else told


def _ago(latest: float | None) -> str:
    return "none yet" if latest is None else f"{duration(max(time.time() - latest, 0.0))} ago"
