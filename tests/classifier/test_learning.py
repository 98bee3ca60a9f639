import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.learning import rate_factor


@given(progress=st.floats(0, 1.5), warmup=st.floats(0, 0.99))
def test_the_rate_stays_within_its_bounds(progress: float, warmup: float):
    assert 0 <= rate_factor(progress, warmup) <= 1


def test_the_rate_rises_falls_and_ends_at_nought():
    assert rate_factor(0, 0.1) > 0
    assert rate_factor(0.05, 0.1) == pytest.approx(0.5)
    assert rate_factor(0.1, 0.1) == 1
    assert rate_factor(0.55, 0.1) == pytest.approx(0.5)
    assert rate_factor(1, 0.1) == 0
    assert rate_factor(0, 0) == 1
