import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from classifier.config import ClassifierConfig
from classifier.schedule import Step, step_at

SCHEDULES = ("cosine", "one-cycle", "constant")


@given(
    progress=st.floats(-0.5, 1.5),
    warmup=st.floats(0, 0.99),
    schedule=st.sampled_from(SCHEDULES),
    lowest=st.floats(0, 1e-3),
)
def test_the_rate_stays_within_its_bounds(progress: float, warmup: float, schedule: str, lowest: float):
    config = ClassifierConfig(schedule=schedule, warmup=warmup, learning_rate=1e-3, min_learning_rate=lowest)
    step = step_at(progress, config)
    assert 0 <= step.rate <= 1 + 1e-9
    assert 0.85 - 1e-9 <= step.momentum <= 0.95 + 1e-9


def test_the_cosine_rises_linearly_from_its_beginning_and_falls_to_its_floor():
    config = ClassifierConfig(warmup=0.1, warmup_factor=0.01, learning_rate=2e-4, min_learning_rate=2e-6)
    rates = [step_at(progress, config).rate for progress in (0, 0.05, 0.1, 0.55, 1)]
    assert rates == pytest.approx([0.01, 0.505, 1, 0.505, 0.01])
    assert step_at(0, ClassifierConfig(warmup=0)).rate == 1
    assert step_at(1, ClassifierConfig()).rate == pytest.approx(0)


def test_the_constant_stays_after_its_warm_up():
    config = ClassifierConfig(schedule="constant", warmup=0.2)
    assert [step_at(progress, config) for progress in (0.2, 0.7, 1)] == [Step(1.0)] * 3


@pytest.mark.parametrize("warmup", [0.3, 0.1])
def test_one_cycle_is_torch_s(warmup: float):
    steps, highest = 50, 1e-3
    optimiser = AdamW([torch.zeros(1, requires_grad=True)], lr=highest)
    scheduler = OneCycleLR(optimiser, highest, total_steps=steps, pct_start=warmup, div_factor=25)
    config = ClassifierConfig(schedule="one-cycle", warmup=warmup, warmup_factor=1 / 25, learning_rate=highest)
    # torch's rise ends one step before its share of the steps
    rise = warmup * steps - 1
    for number in range(steps):
        share = (
            number / rise * warmup if number <= rise else warmup + (number - rise) / (steps - 1 - rise) * (1 - warmup)
        )
        step = step_at(share, config)
        group = optimiser.param_groups[0]
        assert step.rate * highest == pytest.approx(group["lr"], rel=1e-6)
        assert step.momentum == pytest.approx(group["betas"][0], rel=1e-6)
        optimiser.step()
        if number < steps - 1:
            scheduler.step()
