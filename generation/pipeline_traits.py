"""How pipelines differ: what their calls take, how long their prompts may be, and which sizes they make."""

import inspect
from collections.abc import Mapping
from typing import Any

from generation.autoencoders import reduction
from generation.config import DiffusionConfig
from manifests.errors import ModelError

# the pipelines refuse sizes that are no multiple of 8, whatever their autoencoder does; that of Sana, of 32
_LEAST_MULTIPLE = 8
_LEAST_MULTIPLES = {"SanaPipeline": 32, "SanaPAGPipeline": 32}

_DISTILLED_LENGTH = 256
"""Tokens that a timestep-distilled FLUX was trained on (FLUX.1-schnell's card)."""

_ALWAYS: dict[str, Any] = {
    # the size asked for is the size made: binning would make another, resize it and cut it
    "use_resolution_binning": False,
    # captions are cleaned here already, and by no package that may or may not be installed
    "clean_caption": False,
}


def call_arguments(pipeline: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a pipeline's call is given: what is wanted, as far as it takes that, and what is the same in every call.

    Args:
        pipeline: a pipeline of diffusers.
        wanted: arguments by name; None: not given.
    """
    taken = _taken(type(pipeline))
    fixed = _ALWAYS | {"max_sequence_length": max_sequence_length(type(pipeline), pipeline.components)}
    given = {**fixed, **wanted}
    return {name: value for name, value in given.items() if name in taken and value is not None}


def max_sequence_length(pipeline_class: Any, parts: Mapping[str, Any]) -> int | None:
    """Tokens of a prompt that the pipeline gives to its text encoder, where it decides that; else None.

    Args:
        pipeline_class: the pipeline's class.
        parts: the pipeline's parts; the denoiser is asked.
    """
    parameter = _taken(pipeline_class).get("max_sequence_length")
    if parameter is None:
        return None
    default: int = parameter.default
    return min(default, _DISTILLED_LENGTH) if _is_timestep_distilled(pipeline_class, parts) else default


def prompt_tokens(pipeline_class: Any, parts: Mapping[str, Any]) -> int | None:
    """Tokens of a prompt, with those that mark its start and end, that a text encoder other than CLIP is given.

    Args:
        pipeline_class: the pipeline's class.
        parts: the pipeline's parts; the denoiser is asked.
    """
    length = max_sequence_length(pipeline_class, parts)
    # where an instruction stands before the prompt (Sana), one place more is taken from the prompt
    return length - 1 if length is not None and "complex_human_instruction" in _taken(pipeline_class) else length


def size_multiple(pipeline: Any) -> int:
    """Widths and heights that a pipeline can make are multiples of this, pixels: of the denoiser's patches of latents."""
    least = _LEAST_MULTIPLES.get(type(pipeline).__name__, _LEAST_MULTIPLE)
    return max(least, reduction(pipeline.vae) * _patch(pipeline))


def native_side(pipeline: Any) -> int | None:
    """Side of the square images that a pipeline's denoiser was trained on, pixels; None where its config does not say."""
    side = denoiser(pipeline.components).config.get("sample_size")
    return side * reduction(pipeline.vae) if isinstance(side, int) else None


def denoiser(parts: Mapping[str, Any]) -> Any:
    """The part that removes noise."""
    unet = parts.get("unet")
    return unet if unet is not None else parts["transformer"]


def refuse_unusable(pipeline: Any, config: DiffusionConfig) -> None:
    """Check that a pipeline can use all that a generator sets: one that it cannot would be recorded, and a lie.

    Raises:
        ModelError: it cannot use a setting.
    """
    name, place = type(pipeline).__name__, f"generator {config.name}"
    taken = _taken(type(pipeline))
    guides = "true_cfg_scale" not in taken  # where it is, guidance is learned, and the classifier-free one is off
    if config.negative_prompt and not (guides and "negative_prompt" in taken):
        raise ModelError(f"{place}: a {name} has no use for a negative_prompt; remove it")
    scales = config.grid.guidance_scale or (config.guidance_scale,)
    if "guidance_scale" not in taken:
        raise ModelError(f"{place}: a {name} takes no guidance_scale, so it cannot be recorded")
    if _is_timestep_distilled(type(pipeline), pipeline.components) and any(scales):
        raise ModelError(f"{place}: the model of this {name} is distilled and has no guidance; set guidance_scale = 0")
    if config.negative_prompt and guides and max(scales) <= 1:
        raise ModelError(f"{place}: at a guidance_scale of 1 or less a negative_prompt does nothing; remove it")


def _taken(pipeline_class: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(pipeline_class.__call__).parameters


def _is_timestep_distilled(pipeline_class: Any, parts: Mapping[str, Any]) -> bool:
    """Whether it is a FLUX whose denoiser is told of no guidance."""
    return "true_cfg_scale" in _taken(pipeline_class) and not denoiser(parts).config.get("guidance_embeds", True)


def _patch(pipeline: Any) -> int:
    """Side of the squares of latents that the denoiser takes for one."""
    settings = denoiser(pipeline.components).config
    packed = settings.get("in_channels") == 4 * pipeline.vae.config.latent_channels
    return max(int(settings.get("patch_size") or 1), 2 if packed else 1)
