"""Pipelines of diffusers, put together from a folder in its format, for the method that a generator has.

Each part is loaded by a class that `generation/pipeline_parts.py` knows, never by one that only the folder names.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.auto_pipeline import (
    AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    AUTO_INPAINT_PIPELINES_MAPPING,
    AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
)

from generation.compiling import compile_pipeline
from generation.config import DiffusionConfig, Precision, SchedulerName
from generation.faults import loading
from generation.lora import lay_loras
from generation.models import find_model, read_config
from generation.numerics import DTYPES, find_device
from generation.pipeline_parts import (
    DIFFUSERS_MODELS,
    FEATURE_EXTRACTOR,
    IMAGE_ENCODER,
    PATTERNS,
    SAFETY_CHECKER,
    TEXT_ENCODERS,
    TOKENIZERS,
    PartLoader,
)
from generation.pipeline_schedulers import load_scheduler
from generation.pipeline_traits import denoiser, prompt_tokens, refuse_unusable
from generation.quiet import quiet
from generation.single_file import load_checkpoint
from manifests.errors import ModelError
from manifests.records import Lora

_TASKS: dict[str, Mapping[str, Any]] = {
    "text-to-image": AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
    "image-to-image": AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    "inpaint": AUTO_INPAINT_PIPELINES_MAPPING,
}
"""Diffusers' pipelines by method and family, as its `AutoPipelineForText2Image` and its like choose among them."""

_AESTHETIC = "requires_aesthetics_score"


@dataclass(frozen=True)
class LoadedPipeline:
    """A pipeline on its device.

    Attributes:
        pipeline: a pipeline of diffusers for the generator's method.
        name: what records call the model.
        revision: the Hub's commit, or the digest of the weights.
        lora: the LoRAs that were laid over the model.
        root: the folder that its parts came from.
    """

    pipeline: Any
    name: str
    revision: str
    lora: tuple[Lora, ...]
    root: Path

    @property
    def tokenizers(self) -> list[Any]:
        """The tokenizers that read the prompt, each with the tokens that its text encoder is given as its limit."""
        parts = self.pipeline.components
        pairs = zip(TOKENIZERS, TEXT_ENCODERS, strict=True)
        return [
            parts[tokenizer]
            for tokenizer, encoder in pairs
            if parts.get(tokenizer) is not None and parts.get(encoder) is not None
        ]

    def scheduler(self, name: SchedulerName | None) -> Any:
        """A new scheduler over the model's own noise schedule; None for the model's own.

        Raises:
            ModelError: it does not suit the model.
        """
        return load_scheduler(self.root, name)


def load_pipeline(config: DiffusionConfig, device: str) -> LoadedPipeline:
    """Find and load the pipeline that the recipe names, with its LoRAs.

    Args:
        config: the generator; paths as they are from here.
        device: where the model runs.

    Raises:
        ModelError: it cannot be found, diffusers has no pipeline of its kind for the method, parts of it are missing,
            damaged or of an unknown class, it cannot use a setting of the generator, or a LoRA does not fit it.
        InfrastructureError: there is not enough memory for it.
    """
    place = find_device(device)
    if config.config:
        root, name = Path(config.config), Path(config.model).name
    else:
        folder = find_model(config.model, config.revision, PATTERNS)
        root, name = folder.path, folder.name
    index = read_config(root / "model_index.json")
    pipeline_class = _pipeline_class(index, config.method, root)
    parts = PartLoader(root, index, DTYPES[config.dtype])
    if config.config:
        models, revision = load_checkpoint(pipeline_class, Path(config.model), parts, config.revision)
    else:
        models, weights = _models(pipeline_class, parts)
        revision = folder.revision(weights)
    pipeline = _assemble(pipeline_class, models, parts, load_scheduler(root, config.scheduler))
    refuse_unusable(pipeline, config)
    lora = lay_loras(pipeline, config.lora)
    pipeline.set_progress_bar_config(disable=True)
    with loading(name):
        _place(pipeline, place, config.dtype)
    if config.compile is True:
        compile_pipeline(pipeline)
    return LoadedPipeline(pipeline, name, revision, lora, root)


def _pipeline_class(index: Mapping[str, Any], method: str, root: Path) -> Any:
    """Diffusers' pipeline for the method, of the family that a folder's pipeline belongs to."""
    name = index.get("_class_name")
    families = {family for task in _TASKS.values() for family, known in task.items() if known.__name__ == name}
    if not families:
        raise ModelError(f"model folder {root} holds a {name}; expected a pipeline of diffusers that makes images")
    found = next((known for family, known in _TASKS[method].items() if family in families), None)
    if found is None:
        raise ModelError(f"model folder {root} holds a {name}; diffusers has no {method} for it")
    if index.get(_AESTHETIC) and _AESTHETIC not in inspect.signature(found.__init__).parameters:
        raise ModelError(f"model folder {root} holds a refiner, which is shown an image; use method image-to-image")
    return found


def _models(pipeline_class: Any, parts: PartLoader) -> tuple[dict[str, Any], list[Path]]:
    """All models of a pipeline, and their weights files."""
    models: dict[str, Any] = {}
    weights: list[Path] = []
    for part in inspect.signature(pipeline_class.__init__).parameters:
        if part in DIFFUSERS_MODELS or (part in (*TEXT_ENCODERS, SAFETY_CHECKER) and parts.names(part)):
            models[part], files = parts.model(part)
            weights += files
    return models, weights


def _assemble(pipeline_class: Any, models: Mapping[str, Any], parts: PartLoader, scheduler: Any) -> Any:
    """The pipeline, from its models and from what its folder holds beside them."""
    checker = models.get(SAFETY_CHECKER)
    values: dict[str, Any] = {
        "scheduler": scheduler,
        "requires_safety_checker": checker is not None,
        FEATURE_EXTRACTOR: parts.feature_extractor() if checker is not None else None,
        SAFETY_CHECKER: None,
        IMAGE_ENCODER: None,
        # or every fake would carry an invisible mark wherever the package for it happens to be installed
        "add_watermarker": False,
        **dict.fromkeys(TEXT_ENCODERS),
        **models,
    }
    longest = prompt_tokens(pipeline_class, models)
    for name, encoder in zip(TOKENIZERS, TEXT_ENCODERS, strict=True):
        read = models.get(encoder) is not None
        values[name] = parts.tokenizer(name, models[encoder], longest) if read else None
    wanted = inspect.signature(pipeline_class.__init__).parameters
    for name, parameter in wanted.items():
        if name == "self" or name in values:
            continue
        if parameter.default is inspect.Parameter.empty:
            raise ModelError(f"a {pipeline_class.__name__} has a part {name}, which is none that is known here")
        if isinstance(parts.index.get(name), bool | int | float):
            values[name] = parts.index[name]
    with quiet():
        pipeline = pipeline_class(**{name: value for name, value in values.items() if name in wanted})
    _check_channels(pipeline, parts.root)
    return pipeline


def _check_channels(pipeline: Any, root: Path) -> None:
    """A UNet for inpainting takes mask and masked image as further channels, which the other pipelines do not give."""
    unet = getattr(pipeline, "unet", None)
    shows_mask = "mask_image" in inspect.signature(type(pipeline).__call__).parameters
    if unet is None or shows_mask or unet.config.in_channels == pipeline.vae.config.latent_channels:
        return
    raise ModelError(
        f"model folder {root} holds a UNet of {unet.config.in_channels} channels, of which the latents are "
        f"{pipeline.vae.config.latent_channels}: a model for inpainting; use method inpaint"
    )


def _place(pipeline: Any, device: torch.device, dtype: Precision) -> None:
    """Move all models to their device and precision; on a GPU in the memory layout that its convolutions prefer."""
    with quiet():
        pipeline.to(device, DTYPES[dtype])
        if device.type == "cuda":
            denoiser(pipeline.components).to(memory_format=torch.channels_last)
            pipeline.vae.to(memory_format=torch.channels_last)
