"""The permutation control: passes on any dataset, and fails a harness that finds something in nothing."""

import numpy as np
import pytest

from audit import permutation
from audit.config import AuditConfig
from audit.permutation import permutation_control

CONFIG = AuditConfig()


def thumbnails(pairs: int, shift: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    real = rng.random((pairs, 192)).astype(np.float32)
    fake = real + rng.normal(scale=0.05, size=real.shape) + shift
    return real, fake.astype(np.float32)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.3])
def test_nothing_is_found_whatever_the_fakes_look_like(shift: float):
    probe = permutation_control(*thumbnails(300, shift), CONFIG)
    assert probe.verdict == "ok"
    assert probe.gate
    assert abs(probe.value - 0.5) <= 0.01
    assert probe.low < probe.value < probe.high


def test_the_same_answer_twice():
    assert permutation_control(*thumbnails(100, 0.1), CONFIG) == permutation_control(*thumbnails(100, 0.1), CONFIG)


@pytest.mark.parametrize("pairs", [0, 6, 24])
def test_few_pairs_are_too_few(pairs: int):
    assert permutation_control(*thumbnails(pairs, 0.1), CONFIG).verdict == "too-few"


def test_a_harness_that_parts_the_twins_is_caught(monkeypatch: pytest.MonkeyPatch):
    def parted(groups: np.ndarray, folds: int, seed: int):
        return np.random.default_rng(seed).permutation(np.arange(len(groups)) % folds)

    monkeypatch.setattr(permutation, "grouped_folds", parted)
    probe = permutation_control(*thumbnails(300, 0.1), CONFIG)
    assert probe.verdict == "fail"
    assert probe.value < 0.49
    assert "not 0.5" in probe.detail
