"""The report: one file, all numbers right, nothing from anywhere, nothing of the data taken for markup."""

import base64
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from audit.report import AuditReport
from flows.stages.base import StageCount
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from pages.report import write_report
from tests.pages.page import HOSTILE, Page, check_is_whole_and_asks_for_nothing


@pytest.fixture
def report(
    build_dataset: Callable[..., Dataset],
    write_training: Callable[[Dataset], Path],
    audit: AuditReport,
    stages: list[StageCount],
    tmp_path: Path,
):
    """Writes the report of a dataset with everything in it, and gives the HTML."""

    def write(**settings: object) -> str:
        dataset = build_dataset(**settings)
        out = tmp_path / "report.html"
        write_report(dataset, out, audit=audit, stages=stages, detector_dir=write_training(dataset))
        return out.read_text(encoding="utf-8")

    return write


def test_it_is_one_well_formed_file_that_asks_for_nothing(report: Callable[..., str]):
    html = report()
    check_is_whole_and_asks_for_nothing(html)
    policies = [dict(attributes).get("content") for name, attributes in Page(html).elements if name == "meta"]
    assert any(policy and policy.startswith("default-src 'none'") for policy in policies)


def test_text_of_the_data_is_never_markup(report: Callable[..., str]):
    html = report(text=HOSTILE)
    assert "<script" not in html
    assert "<img src=x" not in html
    page = Page(html)
    assert page.open == []
    assert HOSTILE in page.text
    assert not any("onerror" in attributes for _, attributes in page.elements)


def test_the_images_are_those_of_the_shards(report: Callable[..., str], tmp_path: Path):
    html = report()
    dataset = Dataset.open(str(tmp_path / "dataset"))
    stored = {base64.b64encode(data).decode() for sample in dataset.samples() for data in sample.members.values()}
    shown = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)
    assert len(shown) > 24 + 36
    assert set(shown) <= stored


def test_every_pair_is_shown_beside_its_caption_in_both_views(report: Callable[..., str], tmp_path: Path):
    page = Page(report())
    dataset = Dataset.open(str(tmp_path / "dataset"))
    assert page.count("article") == 24
    for pair in dataset.pairs():
        assert pair.caption.cleaned in page.text
        assert pair.pair_id in page.text


def test_large_images_are_shown_reduced(build_dataset: Callable[..., Dataset], tmp_path: Path):
    write_report(build_dataset(count=1, side=400), tmp_path / "large.html", audit=None, stages=(), detector_dir=None)
    html = (tmp_path / "large.html").read_text(encoding="utf-8")
    shown = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)
    assert shown
    assert {Image.open(io.BytesIO(base64.b64decode(data))).size for data in shown} == {(256, 256)}


def test_the_counts_are_those_of_the_manifest_and_the_rejects(report: Callable[..., str], tmp_path: Path):
    text = Page(report()).words()
    pairs = list(Dataset.open(str(tmp_path / "dataset")).pairs())
    splits = Counter((pair.split, pair.frame.view) for pair in pairs)
    for split in ("train", "validation", "test"):
        row = [splits[split, view] for view in ("scene", "patch")]
        assert f"{split} {row[0]} {row[1]} {sum(row)}" in text
    for source, count in Counter(pair.image.source for pair in pairs).items():
        assert f"{source} {count}" in text
    for label, count in Counter(pair.image.class_label for pair in pairs).items():
        assert f"{label} {count}" in text
    assert "reals not-found 2" in text
    assert "screen greyscale 1" in text
    assert "dropped on the way 3" in text
    assert "vae reconstruct example/vae 0123456789ab 24" in text


def test_the_stages_add_up(report: Callable[..., str]):
    text = Page(report()).words()
    assert "reals images 17 15 2" in text
    assert "screen images 15 14 1" in text


def test_verdicts_stand_with_their_intervals(report: Callable[..., str]):
    html = report()
    text = Page(html).words()
    assert "Gate: passed" in text
    assert "gravest verdict: too-few" in text
    assert "0.913" in text
    assert "0.871 to 0.948" in html
    assert "spectrum_luma_15" in text


def test_the_detectors_figures_and_curves_follow_from_its_predictions(report: Callable[..., str], tmp_path: Path):
    html = report()
    text = Page(html).words()
    assert "test 8 12 75.0% 75.3% 0.800 0.876 0.900" in text
    assert "vae 8 0.812 65.4%" in text
    table = pq.read_table(tmp_path / "detector" / "predictions.parquet").to_pydict()
    rows = [row for row in zip(*(table[name] for name in ("split", "label", "score")), strict=True) if row[0] == "test"]
    points = re.search(r'class="curve" points="([^"]+)"', html)
    assert points is not None
    curve = [tuple(float(value) / 300 for value in point.split(",")) for point in points[1].split()]
    area = sum((x1 - x0) * (2 - y0 - y1) / 2 for (x0, y0), (x1, y1) in itertools.pairwise(curve))
    assert area == pytest.approx(roc_auc_score([row[1] for row in rows], [row[2] for row in rows]), abs=0.005)
    scores = sorted((row[2] for row in rows if row[1] == 1), reverse=True)
    assert f" {scores[0]:.3f}" in text
    assert f" {scores[-1]:.3f}" in text


def test_a_dataset_without_audit_stages_and_detector_has_a_report_too(
    build_dataset: Callable[..., Dataset], tmp_path: Path
):
    write_report(build_dataset(), tmp_path / "plain.html", audit=None, stages=(), detector_dir=None)
    page = Page((tmp_path / "plain.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert 'id="detector"' not in page.text
    assert not any(attributes.get("id") in {"audit", "detector"} for _, attributes in page.elements)


def test_an_empty_dataset_has_a_report(build_dataset: Callable[..., Dataset], tmp_path: Path):
    write_report(build_dataset(count=0), tmp_path / "empty.html", audit=None, stages=(), detector_dir=None)
    assert "The dataset holds no pair." in (tmp_path / "empty.html").read_text(encoding="utf-8")


def test_the_same_dataset_gives_the_same_page(build_dataset: Callable[..., Dataset], tmp_path: Path):
    dataset = build_dataset()
    for name in ("one.html", "two.html"):
        write_report(dataset, tmp_path / name, audit=None, stages=(), detector_dir=None)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_training_of_another_dataset_is_refused_and_nothing_is_written(
    build_dataset: Callable[..., Dataset], write_training: Callable[[Dataset], Path], tmp_path: Path
):
    training = write_training(build_dataset(count=24))
    small = build_dataset(count=6)
    with pytest.raises(DatasetError, match="not in this dataset"):
        write_report(small, tmp_path / "report.html", audit=None, stages=(), detector_dir=training)
    assert not (tmp_path / "report.html").exists()


def test_a_folder_without_a_training_is_refused(build_dataset: Callable[..., Dataset], tmp_path: Path):
    with pytest.raises(DatasetError, match=r"no metrics\.json here"):
        write_report(build_dataset(), tmp_path / "report.html", audit=None, stages=(), detector_dir=tmp_path)
