"""One batch through a diffusion pipeline: the call that generating and making again have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from generation.masks import Raster
from generation.numerics import reproducible, seeded_rng
from generation.pipeline_traits import call_arguments
from generation.quiet import quiet
from pixels.arrays import Pixels


@dataclass(frozen=True)
class Sampling:
    """What the rows of a batch have in common.

    Attributes:
        width: pixels.
        height: pixels.
        num_inference_steps: denoising steps.
        guidance_scale: of classifier-free guidance; at 1 or less there is none.
        negative_prompt: what guidance leads away from; empty: the pipeline's own default.
        strength: share of the noise schedule that a shown image goes through; 0 where none is shown.
    """

    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str
    strength: float = 0.0


@dataclass(frozen=True, eq=False)
class SampleRow:
    """One row of a batch.

    Attributes:
        prompt: fits the tokenizers.
        seed: of the row's own rng.
        region: the image that the pipeline is shown, (height, width, 3); None for one that is given text alone.
        mask: where an inpainting pipeline generates anew; None for any other pipeline.
    """

    prompt: str
    seed: int
    region: Pixels | None = None
    mask: Raster | None = None


@dataclass(frozen=True)
class Sampled:
    """What a pipeline gave: (height, width, 3) float32 in [0, 1] or NaN, and its safety checker's verdict."""

    image: NDArray[np.float32]
    flagged: bool


def sample(pipeline: Any, sampling: Sampling, rows: Sequence[SampleRow]) -> list[Sampled]:
    """Run a pipeline on one batch.

    Args:
        pipeline: a pipeline of diffusers for the rows' task, with its scheduler.
        sampling: what the rows have in common.
        rows: of one task: all have a region or none, and a mask or none.
    """
    prompts = [row.prompt for row in rows]
    size = (sampling.height, sampling.width)
    arguments = {
        "prompt": prompts,
        "negative_prompt": [sampling.negative_prompt] * len(prompts) if sampling.negative_prompt else None,
        "num_inference_steps": sampling.num_inference_steps,
        "guidance_scale": sampling.guidance_scale,
        "width": sampling.width,
        "height": sampling.height,
        # SDXL is told of the size, too
        "original_size": size,
        "target_size": size,
        "generator": [seeded_rng(row.seed) for row in rows],
        "output_type": "np",
        **_shown(sampling, rows),
    }
    # a safety checker turns NaN into bytes to look at them; the NaN itself is found afterwards
    with quiet(), reproducible(), np.errstate(invalid="ignore"):
        output = pipeline(**call_arguments(pipeline, arguments))
    flags = getattr(output, "nsfw_content_detected", None) or [False] * len(prompts)
    return [Sampled(image, bool(flag)) for image, flag in zip(output.images, flags, strict=True)]


def _shown(sampling: Sampling, rows: Sequence[SampleRow]) -> dict[str, Any]:
    """What the pipeline is shown: images in [0, 1], (rows, 3, height, width), and masks, (rows, 1, height, width)."""
    regions = [row.region for row in rows if row.region is not None]
    masks = [row.mask for row in rows if row.mask is not None]
    shown: dict[str, Any] = {}
    if regions:
        shown["image"] = torch.from_numpy(np.stack(regions)).permute(0, 3, 1, 2).to(torch.float32).div(255)
        shown["strength"] = sampling.strength
    if masks:
        shown["mask_image"] = torch.from_numpy(np.stack(masks)[:, None]).to(torch.float32)
    return shown
