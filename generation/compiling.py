"""Whether compiling a model pays in a run, and how a pipeline is compiled.

The choice depends on the recipe, the number of images and the kind of device alone, never on a clock: a run that was cut
off and goes on must come to the same bytes, and compiled models give other low bits.
"""

import inspect
from typing import Any, TypeVar, cast

from generation.config import BlipCaptions, DiffusionConfig
from generation.grid import mean_calls

Compilable = TypeVar("Compilable", bound=BlipCaptions | DiffusionConfig)

COMPILED = "compiled"
"""The entry of a record's versions that says by what the model was compiled; absent where it was not."""

COMPILER = "inductor"

_SHAPES = 64
"""Shapes for which one model is compiled at most: sizes of views, with and without guidance, and halves of batches."""

_COMPILE_SECONDS = 120.0
"""What compiling costs a worker. The 67 s that PyTorch and Diffusers published for the whole of FLUX.1-dev on an H100
(pytorch.org/blog, July 2025), and the decoder, rounded up."""

_TFLOP_A_CALL = 0.803
_CALL_PIXELS = 512 * 512
"""One row through SD 1.4's UNet at 512x512, by torch's FLOP counter: the smallest of the published families at that size,
so that for others the saving is underrated."""

_EAGER_TFLOPS = 0.11 * 790.0
_SAVED = 1 - 11 / 13
"""Diffusers' published eager rate for SD 1.5 on an H100 (11 % of the limit at batch 1), on the card that the limit is
stated for, and what compiling all of it gave (13 %)."""

_STEP_SECONDS_SAVED = 0.004
_CAPTION_STEPS = 10
"""A step of BLIP's decoder is bound by the interpreter: 6.7 ms with 12 layers, 2.5 ms compiled, on one x86 core
(`benchmarks/captioning.py --steps`). A caption has about ten tokens. What the vision tower saves is left out."""


def decided(config: Compilable, *, images: int, pixels: int, device: str) -> Compilable:
    """The settings with `compile` decided: as given, or for `auto` by whether it pays.

    Args:
        config: settings of a captioner or of a generator that denoises.
        images: what the whole run asks for, not what is left of it: a run that goes on later must decide the same.
        pixels: of one image, width x height; a captioner's model has its own size and does not look at it.
        device: where the model runs: `cpu`, `cuda`, `cuda:1`, ...
    """
    if config.compile != "auto":
        return config
    pays = device.startswith("cuda") and images * _seconds_saved(config, pixels) > _COMPILE_SECONDS
    return cast("Compilable", config.model_copy(update={"compile": pays}))


def compile_pipeline(pipeline: Any) -> None:
    """Compile a pipeline's denoiser and decoder, each as one graph for one shape, when they are first called.

    Args:
        pipeline: a pipeline of diffusers on its device, with a `unet` or a `transformer` and a `vae`.
    """
    denoiser = getattr(pipeline, "unet", None) or pipeline.transformer
    compile_module(denoiser)
    compile_module(pipeline.vae.decoder)


def compile_module(module: Any) -> None:
    """Compile a module as one graph for each shape that it meets."""
    module.compile(fullgraph=True, dynamic=False, **limits())


def limits() -> dict[str, Any]:
    """Arguments of `torch.compile` that give a module a limit of shapes of its own.

    Torch's own limit of 8 shapes holds for all modules of one class together, and what passes it is an error: a process that
    serves several models, or halves its batches, would come to that.
    """
    import torch  # noqa: PLC0415 - the estimate needs none

    # an older torch may not know them
    known = inspect.signature(torch.compile).parameters
    own = {"isolate_recompiles": True, "recompile_limit": _SHAPES}
    return {name: limit for name, limit in own.items() if name in known}


def _seconds_saved(config: BlipCaptions | DiffusionConfig, pixels: int) -> float:
    """Seconds that compiling saves an image."""
    if isinstance(config, BlipCaptions):
        return _CAPTION_STEPS * _STEP_SECONDS_SAVED / config.batch_size
    tflop = mean_calls(config) * _TFLOP_A_CALL * pixels / _CALL_PIXELS
    return tflop / _EAGER_TFLOPS * _SAVED
