"""The page Audit: what it draws of a report, and what it says where there is none."""

import base64
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from audit.report import AuditReport, Distribution, Feature, Match, Probe, Spectrum, audit_report
from manifests.dataset import Dataset
from manifests.tables import write_manifest_parquet
from pages.app import audit_markup as markup
from pages.app.audit_markup import Driver
from pages.audit_view import audit_view
from tests.pages.page import HOSTILE

FEATURE = Feature(
    name=HOSTILE, auc=0.8, importance=0.1, distribution=Distribution(edges=(0, 1, 2), real=(1, 0), fake=(0, 1))
)


def report(*items: str, text: str = HOSTILE) -> AuditReport:
    return audit_report(
        (
            Probe(name="headers", subject=text, verdict="ok", gate=True, pairs=12, detail=text),
            Probe(
                name="thumbnail", view=text, generator=text, verdict="warn", classifier="small CNN", pairs=12,
                value=0.7, low=0.6, high=0.8, limit=0.6, top_features=(FEATURE,), items=items, detail=text,
                remedy=text, fields={text: 3},
            ),
        ),
        12,
        spectra=tuple(
            Spectrum(member=member, view=text, frequencies=(0.1, 0.2, 0.3), power=(3, 2, 1)) for member in ("real", text)
        ),
        match=(
            Match(
                kind="image-image", generator=text, embedder=text, pairs=12, edges=(0, 1, 2), matched=(0, 1),
                mismatched=(1, 0), matched_mean=0.9, mismatched_mean=0.1, recall_at_1=0.5,
            ),
        ),
    )  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_nothing_of_a_report_is_taken_for_markup():
    view = audit_view(report("x/real"))
    [row] = view.findings
    drawn = [
        markup.banner(view.sentence, "warn"),
        markup.checks(view.checks, "pairs"),
        markup.legend(view),
        markup.charts(view.groups, view, "pairs"),
        markup.told(row, "pairs"),
        markup.distribution(row),
        markup.spectra(view.spectra),
        markup.matches(view.match),
        markup.driven([Driver(HOSTILE, HOSTILE, is_real=False, caption=HOSTILE)]),
    ]
    for text in drawn:
        for tag, attributes in _Tags(text).found:
            assert tag not in ("script", "iframe", "object", "svg")
            assert not any(name.startswith("on") for name in attributes)
            assert tag != "img" or (attributes["src"] or "").startswith("data:image/")


def test_intervals_stand_where_their_values_are():
    view = audit_view(report(text="scene"))
    boxes = [
        attributes["style"] or ""
        for _, attributes in _Tags(markup.charts(view.groups, view, "pairs")).found
        if "tw-range" in (attributes.get("class") or "")
    ]
    # the scale runs from 0.4 to 1: 0.6 is a third of it, and so is the interval's width
    assert boxes == ["left:33.33%;width:33.34%;top:8px"]


def test_plots_are_pictures_with_names_beside_them():
    view = audit_view(report(text="painter"))
    images = [attributes["src"] or "" for tag, attributes in _Tags(markup.spectra(view.spectra)).found if tag == "img"]
    assert len(images) == 2
    for image in images:
        assert base64.b64decode(image.partition(",")[2]).startswith(b"<svg xmlns")


def _script(folder: str, model: str | None) -> None:
    from pages.app import audit, detect
    from pages.app.context import AppContext

    context = AppContext.open(folder, model)
    audit.page(context)
    detect.page(context)


@pytest.fixture
def drawn(build_dataset: Callable[..., Dataset]) -> Callable[[bytes | None], str]:
    """All HTML that the pages Audit and Detect draw of a dataset without a detector, with a report or without."""
    dataset = build_dataset(2)
    write_manifest_parquet(dataset.folder, dataset.pairs())

    def draw(content: bytes | None) -> str:
        if content is not None:
            dataset.folder.write("reports/audit.json", content)
        app = AppTest.from_function(_script, default_timeout=300, args=(str(dataset.folder), None)).run()
        return " ".join(
            [*(str(each.proto.body) for each in app.get("html")), *(each.message for each in app.exception)]
        )

    return draw


def test_without_a_report_and_a_detector_the_pages_say_what_to_do(drawn: Callable[[bytes | None], str]):
    text = drawn(None)
    assert "Not audited yet" in text
    assert "twinset audit " in text
    assert "No detector" in text


def test_a_damaged_report_is_one_line(drawn: Callable[[bytes | None], str]):
    assert "reports/audit.json: not an audit&#x27;s report" in drawn(b'{"probes": 1}').replace("'", "&#x27;")


def test_images_of_pairs_that_are_gone_are_named(drawn: Callable[[bytes | None], str], tmp_path: Path):
    pair = next(iter(Dataset.open(str(tmp_path / "dataset")).pairs()))
    items = (f"{pair.pair_id}/real", "0123456789abcdef-gone/real", "../../etc/passwd", "")
    text = drawn(report(*items, text="scene").model_dump_json().encode())
    assert [attributes["href"] for tag, attributes in _Tags(text).found if tag == "a"] == [f"./?pair={pair.pair_id}"]
    images = [attributes for tag, attributes in _Tags(text).found if tag == "img"]
    assert [each["alt"] for each in images if "tw-driver" in (each.get("class") or "")] == ["real"]
    assert "0123456789abcdef-gone" in text
