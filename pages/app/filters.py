"""The filters above the list of pairs; what they are set to stands in the page's address."""

import streamlit as st

from pages.app.catalogue import Catalogue, Filters
from pages.app.context import AppContext
from pages.app.text import shown

_ANY = "any"
_SPLITS = ("train", "validation", "test")


def filter_bar(context: AppContext) -> Filters:
    """Draw the filters and say what they are set to."""
    catalogue = context.catalogue
    choices = catalogue.choices()
    text = st.text_input(
        "Words in the caption", key="words", placeholder="all of these words", bind="query-params", max_chars=200
    )
    with st.container(horizontal=True, key="tw-filters"):
        split = _choice("Split", "split", _SPLITS)
        view = _choice("View", "view", choices.views) if len(choices.views) > 1 else ""
        source = _choice("Source", "source", choices.sources)
        class_label = _choice("Class", "class", choices.classes) if choices.classes else ""
        generator = _choice("Generator", "generator", choices.generators)
        similarity = _similarity() if _retrieves(catalogue, context) else None
    return Filters(split, view, source, class_label, generator, text.strip(), similarity)


def _choice(label: str, key: str, values: tuple[str, ...]) -> str:
    """One of some values; empty for any."""
    chosen = st.selectbox(
        label,
        ("", *values),
        format_func=lambda value: shown(value, 80) or _ANY,
        key=key,
        bind="query-params",
        width=190,
    )
    return chosen or ""


def _similarity() -> float | None:
    least = st.slider(
        "Similarity of prompts, at least",
        min_value=0.0,
        max_value=1.0,
        value=0.0,
        step=0.05,
        key="similarity",
        bind="query-params",
        width=220,
        help="Of a retrieved fake: how near the prompt that it was made from lies to the real's caption.",
    )
    return least or None


def _retrieves(catalogue: Catalogue, context: AppContext) -> bool:
    """Whether any generator of the dataset retrieves fakes: only those have a similarity."""
    recipe = context.dataset.header.recipe if context.dataset is not None else {}
    generators = recipe.get("generators", [])
    return catalogue.total > 0 and any(
        isinstance(generator, dict) and generator.get("method") == "retrieve" for generator in generators
    )
