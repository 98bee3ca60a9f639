"""One batch through a Stable Diffusion pipeline: the call that generating and making again have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import numpy as np
from numpy.typing import NDArray

from generation.numerics import reproducible, seeded_rng
from generation.quiet import quiet


@dataclass(frozen=True)
class Sampling:
    """What the rows of a batch have in common.

    Attributes:
        width: pixels.
        height: pixels.
        num_inference_steps: denoising steps.
        guidance_scale: of classifier-free guidance; at 1 or less there is none.
        negative_prompt: what guidance leads away from; empty: the pipeline's own default.
    """

    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str


@dataclass(frozen=True)
class Sampled:
    """What a pipeline gave: (height, width, 3) float32 in [0, 1] or NaN, and its safety checker's verdict."""

    image: NDArray[np.float32]
    flagged: bool


def sample(pipeline: Any, sampling: Sampling, prompts: Sequence[str], seeds: Sequence[int]) -> list[Sampled]:
    """Run a pipeline on one batch.

    Args:
        pipeline: `StableDiffusionPipeline` or `StableDiffusionXLPipeline`, with its scheduler.
        sampling: what the rows have in common.
        prompts: a prompt a row; each fits the tokenizers.
        seeds: a seed a row.
    """
    size = (sampling.height, sampling.width)
    size_conditions = (
        {"original_size": size, "target_size": size}
        if isinstance(pipeline, diffusers.StableDiffusionXLPipeline)
        else {}
    )
    # a safety checker turns NaN into bytes to look at them; the NaN itself is found afterwards
    with quiet(), reproducible(), np.errstate(invalid="ignore"):
        output = pipeline(
            prompt=list(prompts),
            negative_prompt=[sampling.negative_prompt] * len(prompts) if sampling.negative_prompt else None,
            num_inference_steps=sampling.num_inference_steps,
            guidance_scale=sampling.guidance_scale,
            width=sampling.width,
            height=sampling.height,
            generator=[seeded_rng(seed) for seed in seeds],
            output_type="np",
            **size_conditions,
        )
    flags = getattr(output, "nsfw_content_detected", None) or [False] * len(prompts)
    return [Sampled(image, bool(flag)) for image, flag in zip(output.images, flags, strict=True)]
