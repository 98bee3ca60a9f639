"""Stable Diffusion pipelines, put together from a folder in the format of diffusers.

Each part is loaded by the class that this page names, never by one that the folder names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import diffusers
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPImageProcessor, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from generation.autoencoders import load_autoencoder
from generation.config import Precision, SchedulerName, TextToImageConfig
from generation.models import (
    DIFFUSERS_WEIGHTS,
    TRANSFORMERS_WEIGHTS,
    find_model,
    load_model,
    load_part,
    read_config,
    weight_files,
)
from generation.numerics import DTYPES, find_device
from generation.quiet import quiet
from manifests.errors import ModelError

_SCHEDULERS = get_args(SchedulerName)
_DIFFUSERS_MODELS = ("unet", "vae")
_TRANSFORMERS_MODELS = ("text_encoder", "text_encoder_2", "safety_checker")
_PATTERNS = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    *(f"{folder}/{name}" for folder in ("tokenizer", "tokenizer_2") for name in ("*.json", "*.txt")),
    "feature_extractor/*.json",
    *(
        f"{folder}/{name}"
        for folders, stem in ((_DIFFUSERS_MODELS, DIFFUSERS_WEIGHTS), (_TRANSFORMERS_MODELS, TRANSFORMERS_WEIGHTS))
        for folder in folders
        for name in (
            "config.json",
            f"{stem}.safetensors",
            f"{stem}.safetensors.index.json",
            f"{stem}-[0-9]*-of-[0-9]*.safetensors",
        )
    ),
)


@dataclass(frozen=True)
class LoadedPipeline:
    """A pipeline on its device.

    Attributes:
        pipeline: `StableDiffusionPipeline` or `StableDiffusionXLPipeline`.
        name: what records call the model.
        revision: the Hub's commit, or the digest of the folder's weights.
    """

    pipeline: Any
    name: str
    revision: str

    @property
    def tokenizers(self) -> list[Any]:
        """The tokenizers that read the prompt: one, or SDXL's two."""
        parts = self.pipeline.components
        return [parts[name] for name in ("tokenizer", "tokenizer_2") if parts.get(name) is not None]


def load_pipeline(config: TextToImageConfig, device: str) -> LoadedPipeline:
    """Find and load the pipeline that the recipe names.

    Raises:
        ModelError: it cannot be found, is no Stable Diffusion 1.x or SDXL pipeline, or parts of it are missing or damaged.
    """
    place = find_device(device)
    folder = find_model(config.model, config.revision, _PATTERNS)
    index = read_config(folder.path / "model_index.json")
    name = index.get("_class_name")
    match name:
        case "StableDiffusionPipeline":
            pipeline, weights = _stable_diffusion(folder.path, index, config.scheduler)
        case "StableDiffusionXLPipeline":
            pipeline, weights = _stable_diffusion_xl(folder.path, index, config.scheduler)
        case _:
            raise ModelError(
                f"model folder {folder.path} holds a {name}; "
                "expected StableDiffusionPipeline or StableDiffusionXLPipeline"
            )
    revision = folder.revision(weights)
    pipeline.set_progress_bar_config(disable=True)
    _place(pipeline, place, config.dtype)
    if config.compile:
        pipeline.unet.compile(fullgraph=True, dynamic=False)
        pipeline.vae.decoder.compile(fullgraph=True, dynamic=False)
    return LoadedPipeline(pipeline, folder.name, revision)


def _stable_diffusion(root: Path, index: dict[str, Any], scheduler: SchedulerName | None) -> tuple[Any, list[Path]]:
    vae, vae_weights = load_autoencoder(root / "vae")
    unet, unet_weights = _unet(root)
    text, text_weights = _transformers_model(CLIPTextModel, root / "text_encoder")
    weights = [*vae_weights, *unet_weights, *text_weights]
    pipeline_class: Any = diffusers.StableDiffusionPipeline
    checker = extractor = None
    if _has(index, "safety_checker"):
        checker, checker_weights = _transformers_model(StableDiffusionSafetyChecker, root / "safety_checker")
        extractor = load_part(CLIPImageProcessor, root / "feature_extractor")
        weights += checker_weights
    with quiet():
        pipeline = pipeline_class(
            vae=vae,
            text_encoder=text,
            tokenizer=_tokenizer(root / "tokenizer", text),
            unet=unet,
            scheduler=_scheduler(root, scheduler),
            safety_checker=checker,
            feature_extractor=extractor,
            requires_safety_checker=checker is not None,
        )
    return pipeline, weights


def _stable_diffusion_xl(root: Path, index: dict[str, Any], scheduler: SchedulerName | None) -> tuple[Any, list[Path]]:
    vae, vae_weights = load_autoencoder(root / "vae")
    unet, unet_weights = _unet(root)
    text, text_weights = _transformers_model(CLIPTextModel, root / "text_encoder")
    text_2, text_2_weights = _transformers_model(CLIPTextModelWithProjection, root / "text_encoder_2")
    pipeline_class: Any = diffusers.StableDiffusionXLPipeline
    with quiet():
        pipeline = pipeline_class(
            vae=vae,
            text_encoder=text,
            text_encoder_2=text_2,
            tokenizer=_tokenizer(root / "tokenizer", text),
            tokenizer_2=_tokenizer(root / "tokenizer_2", text_2),
            unet=unet,
            scheduler=_scheduler(root, scheduler),
            force_zeros_for_empty_prompt=bool(index.get("force_zeros_for_empty_prompt", True)),
            # or every fake would carry an invisible mark wherever the package for it happens to be installed
            add_watermarker=False,
        )
    return pipeline, [*vae_weights, *unet_weights, *text_weights, *text_2_weights]


def _unet(root: Path) -> tuple[Any, list[Path]]:
    weights = weight_files(root / "unet", DIFFUSERS_WEIGHTS)
    return load_model(diffusers.UNet2DConditionModel, root / "unet"), weights


def _transformers_model(model_class: Any, folder: Path) -> tuple[Any, list[Path]]:
    weights = weight_files(folder, TRANSFORMERS_WEIGHTS)
    return load_model(model_class, folder), weights


def _tokenizer(folder: Path, text_encoder: Any) -> Any:
    """The tokenizer, cutting where its text encoder ends (some folders leave the limit out)."""
    tokenizer = load_part(CLIPTokenizer, folder)
    tokenizer.model_max_length = min(tokenizer.model_max_length, text_encoder.config.max_position_embeddings)
    return tokenizer


def _scheduler(root: Path, override: SchedulerName | None) -> Any:
    """The model's own scheduler, or another one with the noise schedule of the model's own."""
    folder = root / "scheduler"
    name = override or str(read_config(folder / "scheduler_config.json").get("_class_name"))
    if name not in _SCHEDULERS:
        raise ModelError(
            f"model folder {root} uses the scheduler {name}, whose images cannot be made again; "
            f"set the generator's `scheduler` to one of {', '.join(_SCHEDULERS)}"
        )
    return load_part(getattr(diffusers, name), folder)


def _has(index: dict[str, Any], part: str) -> bool:
    """Whether the pipeline names this part: an absent one is null, or a pair of nulls."""
    entry = index.get(part)
    return isinstance(entry, list) and entry[-1] is not None


def _place(pipeline: Any, device: torch.device, dtype: Precision) -> None:
    """Move all models to their device and precision; on a GPU in the memory layout that its convolutions prefer."""
    with quiet():
        pipeline.to(device, DTYPES[dtype])
        if device.type == "cuda":
            pipeline.unet.to(memory_format=torch.channels_last)
            pipeline.vae.to(memory_format=torch.channels_last)
