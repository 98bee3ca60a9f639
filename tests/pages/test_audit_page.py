"""The audit's page: every probe and every warning is there, in one file that asks for nothing."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from audit.report import AuditReport, Distribution, Feature, Match, Probe, Spectrum, audit_report
from manifests.dataset import Dataset
from pages.audit_figures import Axis, axis, histograms, plot
from pages.audit_images import NamedImage, thumbnails
from pages.audit_page import render_audit
from pages.audit_view import audit_view, caution, shown_items
from tests.pages.page import HOSTILE, Page, check_is_whole_and_asks_for_nothing


def shares(centre: float) -> tuple[float, ...]:
    heights = np.exp(-0.5 * ((np.arange(24) - centre) / 3) ** 2)
    return tuple((heights / heights.sum()).tolist())


EDGES = tuple(np.linspace(-4, 2, 25).tolist())


def measured(name: str, value: float, half: float, **more: object) -> list[Probe]:
    """One probe by both classifiers."""
    return [
        Probe.model_validate(
            {
                "name": name,
                "verdict": "reported",
                "classifier": classifier,
                "pairs": 846,
                "value": value + shift,
                "low": value + shift - half,
                "high": min(value + shift + half, 1),
                "detail": f"{name} tells with AUC {value + shift:.3f}",
            }
            | more
        )
        for classifier, shift in (("gradient boosting", 0.0), ("logistic regression", -0.02))
    ]


def full_report(items: tuple[str, ...] = (), *, failed: bool = True, text: str = "") -> AuditReport:
    """A report with everything in it."""
    telling = (
        Feature(
            name="spectrum_luma_15",
            auc=0.123,
            importance=0.087,
            distribution=Distribution(edges=EDGES, real=shares(14), fake=shares(8)),
        ),
        Feature(name="grid_phase_0", auc=0.61, importance=0.004),
    )
    probes = [
        Probe(
            name="headers",
            verdict="fail" if failed else "ok",
            gate=True,
            pairs=846,
            value=1.0 if failed else 0.0,
            fields={"format": 846, "subsampling": 12} if failed else {},
            examples=("0123456789abcdef-scene",) if failed else (),
            items=items[:2] if failed else (),
            remedy='Set alignment.mode = "aligned".' if failed else "",
            detail=text or "headers differ in 846 of 846 pairs" if failed else "no header differs",
        ),
        Probe(name="duplicates", verdict="ok", gate=True, pairs=846, detail="no image stands in two splits"),
        Probe(name="borders", verdict="ok", gate=True, pairs=846, detail="no constant ring"),
        *measured("permutation", 0.501, 0.008, verdict="ok", gate=True, limit=0.01),
        *measured("null-control", 0.507, 0.02, verdict="ok", gate=True, limit=0.03, view="scene"),
        *measured("reference-split-half", 0.49, 0.045, source="open-images", pairs=423),
        *measured("reference-source-separability", 0.81, 0.03, subject="open-images against folder"),
    ]
    for view, generator in (("scene", "sd_demo"), ("scene", "vae_demo"), ("patch", "vae_demo")):
        part = {"view": view, "generator": generator, "subject": f"{view}, {generator}"}
        probes += measured("grid", 0.52, 0.03, verdict="ok", **part)
        probes += measured("size", 0.71, 0.03, **part)
        probes += measured("photometric", 0.55, 0.07, verdict="too-few", pairs=110, **part)
        probes += measured("all-pixels", 0.93, 0.02, top_features=telling, items=items, **part)
        probes += measured("all-pixels", 0.9, 0.04, top_features=telling, source="open-images", **part)
    if failed:
        probes += measured("quantisation", 0.68, 0.03, verdict="warn", view="patch", generator="vae_demo", pairs=840)
    report = audit_report(tuple(probes), 846)
    frequencies = tuple(np.linspace(0, 0.5, 32).tolist())
    fall = np.linspace(5, 1, 32)
    match = {"view": "scene", "embedder": "clip (01234567)", "pairs": 120, "edges": EDGES, "matched_mean": 0.7}
    return report.model_copy(
        update={
            "spectra": tuple(
                Spectrum(member=member, view=view, frequencies=frequencies, power=tuple((fall + shift).tolist()))
                for view, members in (("scene", ("real", "sd_demo", "vae_demo")), ("patch", ("real", "vae_demo")))
                for member, shift in zip(members, (0, np.linspace(0, 0.4, 32), np.linspace(0, -0.6, 32)), strict=False)
            ),
            "match": tuple(
                Match.model_validate(
                    match
                    | {"kind": kind, "generator": generator, "matched": shares(18), "mismatched": shares(9)}
                    | {"mismatched_mean": 0.21, "recall_at_1": 0.873}
                    | ({"equal": 0.642} if kind == "recaption-fake" else {})
                )
                for kind, generator in (
                    ("image-image", "sd_demo"),
                    ("text-real", ""),
                    ("text-fake", "sd_demo"),
                    ("recaption-fake", "sd_demo"),
                )
            ),
        }
    )


@pytest.fixture
def items(build_dataset: Callable[..., Dataset]) -> dict[str, bytes]:
    return {
        f"{sample.key}/{member}": data
        for sample in build_dataset(count=4).samples()
        for member, data in sample.members.items()
    }


def named(items: dict[str, bytes]) -> list[NamedImage]:
    return [NamedImage(name, data, name.endswith("/real")) for name, data in items.items()]


def drawn(report: AuditReport, items: dict[str, bytes], name: str = "little-world") -> str:
    return render_audit(report, name, thumbnails(named(items), shown_items(report)))


def test_it_is_one_well_formed_file_that_asks_for_nothing(items: dict[str, bytes]):
    check_is_whole_and_asks_for_nothing(drawn(full_report(tuple(items)[:8]), items))


def test_text_of_the_data_is_never_markup(items: dict[str, bytes]):
    hostile = full_report((f"{HOSTILE}/real",), text=HOSTILE)
    html = drawn(hostile, items, name=HOSTILE)
    assert "<script" not in html
    assert "<img src=x" not in html
    page = Page(html)
    assert page.open == []
    assert page.text.count(HOSTILE) >= 4


def test_the_verdict_stands_in_words(items: dict[str, bytes]):
    assert "Failed at file headers: reals and fakes differ in more than their origin" in drawn(full_report(), items)
    passed = full_report(failed=False)
    assert "Passed as far as 846 pairs can tell: too few for colour and exposure" in drawn(passed, items)
    assert "There is nothing to audit: the dataset is empty" in drawn(audit_report((), 0), items)
    one = audit_report((Probe(name="headers", verdict="ok", gate=True, pairs=9),), 9)
    assert "Passed: in 9 pairs nothing" in drawn(one, items)


def test_every_interval_is_printed_with_its_warning(items: dict[str, bytes]):
    report = full_report()
    text = Page(drawn(report, items)).words()
    for probe in report.probes:
        if probe.low is not None:
            assert f"{probe.value:.3f} ({probe.low:.3f} to {probe.high:.3f})" in text
    assert text.count("n = 110 gives ±0.070; ±0.05 would need about 220") >= 3
    assert "n = 120: few pairs make R@1 easy" in text
    assert "Caption and re-caption of the fake · sd_demo" in text
    assert text.count("equal texts") == text.count("equal texts 64.2%") == 1


def test_the_dots_lie_where_the_values_are(items: dict[str, bytes]):
    report = full_report()
    view = audit_view(report)
    assert (view.scale.low, view.scale.high) == (0.4, 1.0)
    html = drawn(report, items)
    assert f'cx="{100 * (0.93 - 0.4) / 0.6:.2f}%"' in html
    assert f'x1="{100 * (0.91 - 0.4) / 0.6:.1f}%"' in html


def test_probes_are_grouped_and_read_against_both_references():
    view = audit_view(full_report())
    assert [group.title for group in view.groups] == [
        "view patch, generator vae_demo",
        "view scene, generator sd_demo",
        "view scene, generator vae_demo",
    ]
    assert [row.title for row in view.groups[1].rows] == [
        "JPEG grid and history",
        "Size on disk",
        "Colour and exposure",
        "All pixel statistics",
    ]
    assert len(view.by_source) == 3
    for group in view.groups:
        assert group.chance is not None
        assert group.separability is not None
        assert group.chance.high < group.separability.low
    assert all(group.chance is None for group in view.controls)
    assert [row.title for row in view.checks] == ["Borders", "Duplicates across splits", "File headers"]


def test_findings_come_with_their_feature_and_remedy(items: dict[str, bytes]):
    view = audit_view(full_report())
    assert [row.verdict for row in view.findings] == ["fail", "warn"]
    html = drawn(full_report(), items)
    assert "Set alignment.mode = &#34;aligned&#34;." in html
    assert "subsampling" in html
    clean = audit_view(full_report(failed=False))
    assert clean.findings == ()
    assert clean.strongest is not None
    assert clean.strongest.title == "All pixel statistics"
    text = Page(drawn(full_report(failed=False), items)).words()
    assert "spectrum_luma_15" in text
    assert "0.123" in text
    assert "0.087" in text


def test_images_are_embedded_once_and_unreadable_ones_only_named(items: dict[str, bytes]):
    names = (*tuple(items)[:3], "broken/real", "gone/vae")
    report = full_report(names)
    images = thumbnails(named(items | {"broken/real": b"no image"}), shown_items(report))
    assert set(images) == set(names[:3])
    html = render_audit(report, "x", images)
    assert len(re.findall("<symbol", html)) == 3
    assert len(re.findall("<use ", html)) > 6
    assert all(html.count(image.uri) == 1 for image in images.values())
    assert "broken/real" in html
    assert {image.is_real for image in images.values()} == {True, False}


def test_an_old_or_empty_report_is_shown(audit: AuditReport, items: dict[str, bytes]):
    assert "scene, painter" in Page(drawn(audit, items)).words()
    assert Page(drawn(audit_report((), 0), items)).open == []


def test_a_narrow_interval_needs_no_caution():
    assert caution(measured("grid", 0.5, 0.049)) == ""
    assert "about 3,400" in caution(measured("grid", 0.5, 0.1))


def test_an_axis_has_round_ticks_inside_its_range():
    for low, high in ((0, 1), (-4.2, 1.7), (1e-5, 3e-5), (3, 3), (-1e6, 5e6)):
        found = axis(low, high)
        assert found.low <= low <= high <= found.high
        assert 2 <= len(found.ticks) <= 7
        assert all(found.low <= tick <= found.high + 1e-9 for tick in found.ticks)


def test_histograms_stand_on_the_ground_and_plots_stay_inside():
    both = histograms((0, 1, 2), (0.25, 0.75), (1.0, 0.0))
    assert both.first.split()[0] == "0.0,170.0"
    assert both.first.split()[-1] == "340.0,170.0"
    lines = plot((0, 1, 2), [("a", (3, 4, 5)), ("b", (2, 2, 2))], names=("b", "a"), zero=True)
    assert lines.zero == 170.0
    assert lines.curves[0].points == "0.0,68.0 170.0,34.0 340.0,0.0"
    assert [curve.colour for curve in lines.curves] == [1, 0]
    assert Axis(0, 1, ()).share(7) == 1
