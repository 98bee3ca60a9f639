"""Captions, titles, names and URLs from anywhere, in everything that people look at: they are shown, and are never markup."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from audit.report import AuditReport, Feature, Probe, audit_report
from classifier.config import ClassifierConfig
from classifier.model_card import model_card
from classifier.report import METRICS, DetectorConfig, DetectorReport
from flows.stages.base import StageCount
from manifests.cards import write_card
from manifests.composition import Composition
from manifests.dataset import Dataset
from manifests.markdown import inline, table
from manifests.records import Pair
from manifests.storage import Folder
from pages.audit_page import render_audit
from pages.report import write_report
from tests.pages.conftest import audit, build_dataset, stages, write_training  # noqa: F401 - fixtures
from tests.pages.page import Page

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \u202eevil\u202c\u2066x\u2069 \u200b nul\x00 esc\x1b[2J "
    "[here](javascript:alert(3)) ![i](http://example.org/track.gif) ](x) | \" ' ` {{ 7*7 }} &lt;b&gt;"
)
_HIDDEN = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b\x00\x1b"
_TAGS = frozenset({"script", "link", "iframe", "object", "embed", "base", "form"})


def check_page(html: str) -> Page:
    """A page of which no part is another's markup, and in which nothing hides."""
    page = Page(html)
    assert page.open == []
    for name, attributes in page.elements:
        assert name not in _TAGS
        assert not any(attribute.startswith("on") for attribute in attributes)
        for attribute in ("src", "href", "xlink:href"):
            value = attributes.get(attribute) or ""
            assert not value or value.startswith(("data:image/", "#"))
    assert not set(html) & set(_HIDDEN)
    return page


def check_markdown(text: str) -> None:
    """Markdown of which no foreign part is markup, and in which nothing hides."""
    assert not set(text) & set(_HIDDEN)
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        for part in [token, *(token.children or [])]:
            assert part.type not in ("html_inline", "html_block", "image")
            assert not str(part.attrs.get("href", "")).startswith("javascript:")


def test_a_report_shows_hostile_text_and_is_not_led_by_it(
    build_dataset: Callable[..., Dataset],  # noqa: F811
    stages: list[StageCount],  # noqa: F811
    tmp_path: Path,
):
    dataset = build_dataset(count=6, text=HOSTILE)
    out = tmp_path / "report.html"
    audited = hostile_audit()

    write_report(dataset, out, audit=audited, stages=stages, detector_dir=None)

    page = check_page(out.read_text(encoding="utf-8"))
    assert "<script>alert(1)</script>" in page.text
    assert "\\u202eevil" in page.text
    assert "{{ 7*7 }}" in page.text


def hostile_audit() -> AuditReport:
    """A report in which every text is hostile."""
    probe = Probe(
        name="headers",
        subject=HOSTILE,
        view=HOSTILE,
        generator=HOSTILE,
        source=HOSTILE,
        verdict="fail",
        gate=True,
        classifier=HOSTILE,
        pairs=12,
        value=0.9,
        low=0.8,
        high=0.95,
        limit=0.6,
        top_features=(Feature(name=HOSTILE, auc=0.9),),
        fields={HOSTILE: 3},
        examples=(HOSTILE,),
        items=(f"{HOSTILE}/real",),
        detail=HOSTILE,
        remedy=HOSTILE,
    )
    return audit_report((probe,), 12)


def test_an_audit_shows_hostile_text_and_is_not_led_by_it():
    page = check_page(render_audit(hostile_audit(), HOSTILE, {}))

    assert "<script>alert(1)</script>" in page.text


def test_a_card_shows_hostile_text_and_is_not_led_by_it(build_dataset: Callable[..., Dataset], tmp_path: Path):  # noqa: F811
    dataset = build_dataset(count=3, text=HOSTILE)
    folder = Folder.at(str(tmp_path / "card"))
    header = dataset.header.model_copy(update={"twinset": HOSTILE})
    write_card(folder, header, Composition.of(hostile_pair(pair) for pair in dataset.pairs()))

    _, front, text = folder.read("README.md").decode().split("---\n", 2)
    check_markdown(text)
    assert not set(front) & set(_HIDDEN)


def hostile_pair(pair: Pair) -> Pair:
    """The pair as its source would like to have it shown."""
    image = dict.fromkeys(("source", "license", "author", "title", "class_label", "url", "landing_url"), HOSTILE)
    fakes = {name: fake.model_copy(update={"model": HOSTILE, "license": HOSTILE}) for name, fake in pair.fakes.items()}
    caption = pair.caption.model_copy(update={"text": HOSTILE, "cleaned": HOSTILE, "model": HOSTILE})
    return pair.model_copy(update={"image": pair.image.model_copy(update=image), "fakes": fakes, "caption": caption})


def test_a_model_card_shows_hostile_names_and_is_not_led_by_them(
    build_dataset: Callable[..., Dataset],  # noqa: F811
    write_training: Callable[[Dataset], Path],  # noqa: F811
):
    report = DetectorReport.model_validate_json((write_training(build_dataset(count=6)) / METRICS).read_bytes())
    report = report.model_copy(update={"by_generator": {HOSTILE: report.by_generator["vae"]}})
    names = (HOSTILE, f"`{HOSTILE}")
    config = DetectorConfig(
        twinset="0.1.0",
        backbone="resnet18",
        backbone_options={},
        image_size=64,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        threshold=0.5,
        generators=names,
        sources=names,
        dataset_name=HOSTILE,
        dataset_digest="",
        training=ClassifierConfig(),
    )

    _, front, text = model_card(config, report).split("---\n", 2)

    check_markdown(text)
    assert not set(front) & set(_HIDDEN)


@settings(max_examples=60, derandomize=True)
@given(st.text(max_size=60), st.sampled_from(("", *HOSTILE.split())))
def test_a_cell_of_a_table_is_text_whatever_stands_in_it(text: str, word: str):
    written = table(("first", "second"), [(text + word + text, inline("b"))])

    check_markdown(written)
    assert written.count("\n") == 3
