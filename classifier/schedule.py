"""Learning rate and momentum in the course of a training: functions of its progress alone, so that nothing is kept."""

import math
from dataclasses import dataclass

from classifier.config import ClassifierConfig

# of AdamW, as torch has them; the range through which torch's OneCycleLR takes the first
_MOMENTUM = 0.9
_HIGH_MOMENTUM, _LOW_MOMENTUM = 0.95, 0.85
# how far below its beginning a one-cycle ends, as in torch's OneCycleLR
_ONE_CYCLE_END = 1e-4


@dataclass(frozen=True)
class Step:
    """What an optimiser step is made with.

    Attributes:
        rate: learning rate, as a share of its highest, in [0, 1].
        momentum: the first of AdamW's betas.
    """

    rate: float
    momentum: float = _MOMENTUM


def step_at(progress: float, config: ClassifierConfig) -> Step:
    """The step at one point of a training.

    - `cosine`: the rate rises linearly during the warm-up and then falls along a half cosine to its minimum (Loshchilov &
      Hutter, "SGDR", 2017).
    - `one-cycle`: it rises and falls along half cosines, to a ten-thousandth of where it began or to its minimum,
      whichever is higher, and the momentum goes against it (Smith & Topin, "Super-Convergence", 2018; as torch's
      `OneCycleLR`).
    - `constant`: it rises linearly during the warm-up and then stays.

    Args:
        progress: share of the training that is done; below 0 and above 1 count as 0 and 1.
        config: schedule, warm-up and minimum.
    """
    progress = min(max(progress, 0.0), 1.0)
    lowest = config.min_learning_rate / config.learning_rate
    if config.schedule == "one-cycle":
        return _one_cycle(progress, config, max(lowest, config.warmup_factor * _ONE_CYCLE_END))
    if progress < config.warmup:
        return Step(config.warmup_factor + (1 - config.warmup_factor) * progress / config.warmup)
    if config.schedule == "constant":
        return Step(1.0)
    return Step(_half_cosine(1.0, lowest, (progress - config.warmup) / (1 - config.warmup)))


def _one_cycle(progress: float, config: ClassifierConfig, end: float) -> Step:
    if progress < config.warmup:
        share = progress / config.warmup
        return Step(_half_cosine(config.warmup_factor, 1.0, share), _half_cosine(_HIGH_MOMENTUM, _LOW_MOMENTUM, share))
    share = (progress - config.warmup) / (1 - config.warmup)
    return Step(_half_cosine(1.0, end, share), _half_cosine(_LOW_MOMENTUM, _HIGH_MOMENTUM, share))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
