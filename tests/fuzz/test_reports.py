"""What pages read of a dataset and a training that came from elsewhere: reports, predictions, and a copy of `index.json`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audit.report import AuditReport, parse_report
from classifier.report import METRICS, PREDICTIONS
from manifests.dataset import Dataset
from pages.audit_page import render_audit
from pages.detector import read_detector
from pages.detector_facts import _report as read_metrics
from tests.fuzz.harness import EXAMPLES, Target, survive, survive_each
from tests.fuzz.test_parquet_footer import turned_over
from tests.pages.conftest import audit, build_dataset, write_training  # noqa: F401 - fixtures

_WORDS = (b'"', b"}", b"[" * 2000, b"\\ud800", b"-1", b"1e999", b"9" * 5000, b"NaN", b"null", b"true", b"0")


@pytest.fixture
def training(build_dataset: Callable[..., Dataset], write_training: Callable[[Dataset], Path]) -> Path:  # noqa: F811
    """The folder of a training."""
    return write_training(build_dataset(count=6))


def test_a_damaged_report_is_shown_or_refused(audit: AuditReport, tmp_path: Path):  # noqa: F811
    def read(file: Path) -> None:
        render_audit(parse_report(file.read_bytes(), str(file)), "little-world", {})

    target = Target("audit.json", "audit.json", lambda: [audit.model_dump_json().encode()], read, _WORDS)
    outcomes = survive(target, tmp_path)

    assert outcomes["refused"]


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS])
def test_a_damaged_training_is_shown_or_refused(name: str, training: Path, tmp_path: Path):
    def prepare(inside: Path) -> None:
        for file in training.iterdir():
            (inside / file.name).write_bytes(file.read_bytes())

    def read(file: Path) -> None:
        read_metrics(file.parent / METRICS)
        read_detector(file.parent)

    words = _WORDS if name == METRICS else ()
    data = (training / name).read_bytes()
    target = Target(f"training, {name}", name, lambda: [data], read, words, prepare, examples=40)
    outcomes = survive(target, tmp_path / "fuzz")

    assert outcomes["refused"]
    if name == PREDICTIONS:
        survive_each(target, turned_over(data, 1 if EXAMPLES else 61), tmp_path / "footer")
