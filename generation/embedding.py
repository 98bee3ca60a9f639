"""What a pipeline is told in words, as it wants it: embeddings where they can be computed ahead, else the words.

Prompts are embedded once a batch, row by row in their places, also where two are equal: low bits depend on a row's place
(see generation/batches.py), and a fake is made again among other prompts. The embedding of a negative prompt is the same
for all batches of one size, and is kept.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import diffusers
import torch

_POOLED = (
    diffusers.StableDiffusionXLPipeline,
    diffusers.StableDiffusionXLImg2ImgPipeline,
    diffusers.StableDiffusionXLInpaintPipeline,
)
_PLAIN = (
    diffusers.StableDiffusionPipeline,
    diffusers.StableDiffusionImg2ImgPipeline,
    diffusers.StableDiffusionInpaintPipeline,
)

_Kept = dict[tuple[str, int], dict[str, torch.Tensor]]

_negatives: "WeakKeyDictionary[Any, _Kept]" = WeakKeyDictionary()


def worded(pipeline: Any, prompts: Sequence[str], negative_prompt: str, guidance_scale: float) -> dict[str, Any]:
    """The arguments of a pipeline's call that stand for its prompts.

    Args:
        pipeline: a pipeline of diffusers.
        prompts: a prompt a row; each fits the tokenizers.
        negative_prompt: what guidance leads away from; empty: the pipeline's own default.
        guidance_scale: of classifier-free guidance; at 1 or less there is none.

    Returns:
        Embeddings, for Stable Diffusion 1.x, 2.x and SDXL; the words themselves for all others. Both give the same image,
        bit for bit.
    """
    negative = [negative_prompt] * len(prompts) if negative_prompt else None
    if not isinstance(pipeline, (*_PLAIN, *_POOLED)):
        return {"prompt": list(prompts), "negative_prompt": negative}
    if guidance_scale <= 1:
        return _embedded(pipeline, prompts, None, guided=False)
    kept = _negatives.setdefault(pipeline, {})
    key = (negative_prompt, len(prompts))
    if key in kept:
        return _embedded(pipeline, prompts, None, guided=False) | kept[key]
    both = _embedded(pipeline, prompts, negative, guided=True)
    kept[key] = {name: tensor for name, tensor in both.items() if name.startswith("negative_")}
    return both


def _embedded(
    pipeline: Any, prompts: Sequence[str], negative: list[str] | None, *, guided: bool
) -> dict[str, torch.Tensor]:
    """Embeddings by their names in a pipeline's call; those of the negative prompt only where there is guidance."""
    found = pipeline.encode_prompt(
        prompt=list(prompts),
        device=pipeline._execution_device,  # noqa: SLF001 - where the pipeline's own call would compute them
        num_images_per_prompt=1,
        do_classifier_free_guidance=guided,
        negative_prompt=negative,
    )
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    embedded = dict(zip(names[: len(found)], found, strict=True))
    return embedded if guided else {name: embedded[name] for name in embedded if not name.startswith("negative_")}
