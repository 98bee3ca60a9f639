"""The page Detect: images in, verdicts out; and for one of them, how far its verdict can be relied on."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from classifier.prediction import Answer
from classifier.report import SplitMetrics
from manifests.errors import RejectedItem
from pages.app import style
from pages.app.answers_csv import answers_csv
from pages.app.context import AppContext
from pages.app.detect_markup import answers_markup, look_markup, refusal_markup, resaved_markup, verdict_markup
from pages.app.judging import MAX_BYTES, Judge, Look, fetch
from pages.app.text import shown
from pages.detector_facts import DetectorFacts

_SHEET = Path(__file__).with_name("detect.css")
_MOST = 200
_LONGEST_URL = 4096
_REMEMBERED = 500

Brought = tuple[str, bytes | RejectedItem]


def page(context: AppContext) -> None:
    """Draw the page."""
    st.html(_SHEET)
    if context.model is None:
        style.heading("Detect", "Is an image real or generated?")
        style.empty(
            "No detector",
            "Train one on this dataset, or name one that you have. It is then asked about the images that you drop here.",
            "twinset pages DATASET --model DETECTOR",
        )
        return
    with st.spinner("Loading the detector", show_time=True):
        judge = _judge(context.model)
    style.heading(
        "Detect",
        f"Is an image real or generated? Asked is {judge.facts.name}. Images are neither stored nor passed on.",
    )
    brought = _brought()
    if not brought:
        style.empty("Drop images above", "JPEG, PNG, WebP, GIF, BMP or TIFF: one, or many at once. Or give a URL.")
    else:
        _results(context.model, judge, brought)
    _detector(judge)


@st.cache_resource(max_entries=2, show_spinner=False)
def _judge(where: str) -> Judge:
    return Judge(where)


def _brought() -> list[Brought]:
    """The images that a visitor has dropped, and the one behind a URL."""
    files = st.file_uploader(
        "Images",
        accept_multiple_files=True,
        key="images",
        help=f"Files up to {MAX_BYTES // 2**20} MB. They are neither stored nor sent anywhere.",
    )
    with st.form("by-url", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        url = st.text_input("Or a URL", max_chars=_LONGEST_URL, placeholder="https://", key="url")
        asked = st.form_submit_button("Fetch", icon=":material/download:")
    if asked:
        st.session_state["fetched"] = (url.strip(), _fetched(url.strip())) if url.strip() else None
    brought: list[Brought] = [(file.name, file.getvalue()) for file in files[:_MOST]]
    if len(files) > _MOST:
        style.note(f"Of {len(files):,} images the first {_MOST} are judged. `twinset predict` judges any number.")
    if (found := st.session_state.get("fetched")) is not None:
        brought.append(found)
    return brought


def _fetched(url: str) -> bytes | RejectedItem:
    with st.spinner("Fetching"):
        return fetch(url)


def _results(model: str, judge: Judge, brought: Sequence[Brought]) -> None:
    answers = [_answer(model, judge, name, data) for name, data in brought]
    if len(answers) > 1:
        _table(answers)
    place = 0
    if len(answers) > 1:
        place = st.selectbox(
            "Look closer at",
            range(len(answers)),
            format_func=lambda number: f"{number + 1}. {shown(answers[number].image, 80)}: {_said(answers[number])}",
            key="closer",
        )
    _closer(model, judge, answers[place], brought[place][1])


def _answer(model: str, judge: Judge, name: str, data: bytes | RejectedItem) -> Answer:
    if isinstance(data, RejectedItem):
        return judge.answer(name, data)
    found = _answered(model, hashlib.sha256(data).hexdigest(), judge, data)
    return found.model_copy(update={"image": name})


@st.cache_data(max_entries=_REMEMBERED, show_spinner="Judging")
def _answered(model: str, digest: str, _judge: Judge, _data: bytes) -> Answer:  # noqa: ARG001 - what it is known by
    return _judge.answer("", _data)


@st.cache_data(max_entries=32, show_spinner="Looking closer")
def _looked(model: str, digest: str, _judge: Judge, _data: bytes, _answer: Answer) -> Look:  # noqa: ARG001
    return _judge.look(_data, _answer)


def _table(answers: Sequence[Answer]) -> None:
    fakes = sum(answer.verdict == "fake" for answer in answers)
    reals = sum(answer.verdict == "real" for answer in answers)
    style.tiles(
        (
            ("images", f"{len(answers):,}"),
            ("called fake", f"{fakes:,}"),
            ("called real", f"{reals:,}"),
            ("not judged", f"{len(answers) - fakes - reals:,}"),
        )
    )
    with st.container(height=320 if len(answers) > 6 else "content", border=False):
        st.html(answers_markup(answers))
    st.download_button(
        "Download as CSV",
        answers_csv(answers),
        file_name="answers.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
    )


def _said(answer: Answer) -> str:
    return f"{answer.verdict}, {answer.probability:.0%}" if answer.verdict else "not judged"


def _closer(model: str, judge: Judge, answer: Answer, data: bytes | RejectedItem) -> None:
    if answer.verdict is None or isinstance(data, RejectedItem):
        st.html(refusal_markup(answer))
        return
    look = _looked(model, hashlib.sha256(data).hexdigest(), judge, data, answer)
    st.html(verdict_markup(answer, judge.calibrated_threshold))
    style.section("Where it looked")
    style.images(look_markup(look, answer.verdict))
    style.section("If the image is saved again")
    st.html(resaved_markup(look.resaved, answer, judge.calibrated_threshold))


def _detector(judge: Judge) -> None:
    """What is known of the detector: a verdict is worth no more than this."""
    facts = judge.facts
    style.section("What this detector is worth", _trained(facts))
    if facts.test is None:
        style.note("Its error rates are not known: no metrics.json lies beside its weights.")
    else:
        style.tiles(_rates(facts.test))
        style.note(
            f"Measured on {facts.test.n_real:,} real and {facts.test.n_fake:,} fake images of that dataset's test split, "
            "with 95 % intervals. On images of other origin it errs more often."
        )
    if facts.recall_by_generator:
        style.table(
            ("generator", "of its fakes recognised"),
            ((name, f"{recall:.1%}") for name, recall in sorted(facts.recall_by_generator.items())),
            numbers=(1,),
        )
    if judge.card:
        with st.expander("Its card, in full", icon=":material/description:"):
            style.code(judge.card, "markdown")


def _trained(facts: DetectorFacts) -> str:
    parts = [f"{facts.backbone}, sees {facts.image_size} x {facts.image_size} pixels"]
    if facts.trained_on:
        parts.append(f"trained on {facts.trained_on}")
    if facts.generators:
        parts.append(f"fakes of {', '.join(facts.generators)}")
    if facts.sources:
        parts.append(f"reals of {', '.join(facts.sources)}")
    return "; ".join(parts)


def _rates(test: SplitMetrics) -> list[tuple[str, str]]:
    figures = (
        ("of reals called fake", "false_positive_rate", test.false_positive_rate),
        ("of fakes called real", "false_negative_rate", test.false_negative_rate),
        ("balanced accuracy", "balanced_accuracy", test.balanced_accuracy),
    )
    told = []
    for label, name, value in figures:
        if value is not None:
            low, high = test.intervals.get(name, (value, value))
            told.append((f"{label} ({low:.1%} to {high:.1%})" if low < high else label, f"{value:.1%}"))
    if test.auc is not None:
        low, high = test.intervals.get("auc", (test.auc, test.auc))
        told.append((f"AUC ({low:.3f} to {high:.3f})" if low < high else "AUC", f"{test.auc:.3f}"))
    return told
