"""The settings that the pairs of one generator are given: one for all, or those of its registered grid by each pair's seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from generation.config import DiffusionConfig, ImageConditioned, SchedulerName
from manifests.seeds import seed

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """What one pair's fake is made with; all rows of a batch have one.

    Attributes:
        scheduler: None: the pipeline's own.
        num_inference_steps: denoising steps of the whole noise schedule.
        guidance_scale: of classifier-free guidance.
        negative_prompt: what guidance leads away from; empty where there is no guidance.
        strength: share of the noise schedule that the shown image goes through; 0 where none is shown.
    """

    scheduler: SchedulerName | None
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str
    strength: float


def draw_setting(config: DiffusionConfig, number: int) -> Setting:
    """The setting of one pair.

    Args:
        config: the generator's.
        number: the pair's seed, whose hash draws one value of each list.
    """
    grid = config.grid
    guidance = _drawn(guidances_of(config), number, "guidance_scale")
    return Setting(
        # the recipe's own scheduler is the pipeline's already
        scheduler=_drawn(grid.scheduler or (None,), number, "scheduler"),
        num_inference_steps=_drawn(steps_of(config), number, "num_inference_steps"),
        guidance_scale=guidance,
        negative_prompt=config.negative_prompt if guidance > 1 else "",
        strength=_drawn(strengths_of(config), number, "strength"),
    )


def order_of(config: DiffusionConfig, setting: Setting) -> tuple[int, int, int, int]:
    """The setting's place among all that the recipe registers: by its lists, in their order."""
    return (
        (*config.grid.scheduler, None).index(setting.scheduler),
        steps_of(config).index(setting.num_inference_steps),
        guidances_of(config).index(setting.guidance_scale),
        strengths_of(config).index(setting.strength),
    )


def mean_calls(config: DiffusionConfig, *, embeds_guidance: bool = False) -> float:
    """Calls of the denoising network that an image takes in the mean over all settings.

    Args:
        config: a generator that denoises.
        embeds_guidance: whether the network is told the guidance scale; else guidance takes two calls a step.
    """
    guided = 1.0 if embeds_guidance else fmean(2 if guidance > 1 else 1 for guidance in guidances_of(config))
    share = fmean(strengths_of(config)) if isinstance(config, ImageConditioned) else 1.0
    # one more, as multistep schedulers of second order take at the start
    return (fmean(steps_of(config)) * share + 1) * guided


def steps_of(config: DiffusionConfig) -> tuple[int, ...]:
    """All numbers of steps that the recipe registers."""
    return config.grid.num_inference_steps or (config.num_inference_steps,)


def guidances_of(config: DiffusionConfig) -> tuple[float, ...]:
    """All guidance scales that the recipe registers."""
    return config.grid.guidance_scale or (config.guidance_scale,)


def strengths_of(config: DiffusionConfig) -> tuple[float, ...]:
    """All strengths that the recipe registers; 0 for a method that is shown no image."""
    return (config.grid.strength or (config.strength,)) if isinstance(config, ImageConditioned) else (0.0,)


def _drawn(values: Sequence[T], number: int, name: str) -> T:
    return values[seed(number, "grid", name) % len(values)]
