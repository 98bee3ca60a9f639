"""The parts that pipelines are put together from: which kinds there are, and how each is loaded.

A folder's `model_index.json` names a class for each part. It is taken only if it is one that this table knows, of
diffusers or transformers themselves: code that a model brings along is never run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

from generation.autoencoders import AUTOENCODERS, load_autoencoder
from generation.models import (
    DIFFUSERS_WEIGHTS,
    TRANSFORMERS_WEIGHTS,
    load_model,
    load_part,
    weight_files,
)
from manifests.errors import ModelError

_TEXT_ENCODERS = (
    "CLIPTextModel",
    "CLIPTextModelWithProjection",
    "Gemma2Model",
    "Gemma2ForCausalLM",
    "T5EncoderModel",
    "UMT5EncoderModel",
)
_CLIP = (transformers.CLIPTextModel, transformers.CLIPTextModelWithProjection)
_TOKENIZERS = ("CLIPTokenizer", "GemmaTokenizer", "T5Tokenizer")

DIFFUSERS_MODELS: dict[str, tuple[str, ...]] = {
    "unet": ("UNet2DConditionModel",),
    "transformer": (
        "AuraFlowTransformer2DModel",
        "FluxTransformer2DModel",
        "PixArtTransformer2DModel",
        "SanaTransformer2DModel",
        "SD3Transformer2DModel",
        "Transformer2DModel",
    ),
    "vae": tuple(AUTOENCODERS),
}
"""Parts with weights in the format of diffusers, by name: the classes that they may be of."""

TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")
SAFETY_CHECKER, FEATURE_EXTRACTOR = "safety_checker", "feature_extractor"
IMAGE_ENCODER = "image_encoder"
"""Reads pictures that a prompt may hold; none of ours does, so it is left out."""

PATTERNS = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    *(f"{folder}/{name}" for folder in TOKENIZERS for name in ("*.json", "*.txt", "*.model")),
    f"{FEATURE_EXTRACTOR}/*.json",
    *(
        f"{folder}/{name}"
        for folders, stem in (
            (tuple(DIFFUSERS_MODELS), DIFFUSERS_WEIGHTS),
            ((*TEXT_ENCODERS, SAFETY_CHECKER), TRANSFORMERS_WEIGHTS),
        )
        for folder in folders
        for name in (
            "config.json",
            f"{stem}.safetensors",
            f"{stem}.safetensors.index.json",
            f"{stem}-[0-9]*-of-[0-9]*.safetensors",
        )
    ),
)
"""The files of a pipeline on the Hub that are fetched."""


@dataclass(frozen=True)
class PartLoader:
    """Loads the parts of one pipeline from its folder.

    Attributes:
        root: the folder.
        index: its `model_index.json`.
        dtype: precision in which the large models are read.
    """

    root: Path
    index: dict[str, Any]
    dtype: torch.dtype

    def names(self, part: str) -> bool:
        """Whether the folder has this part: an absent one is null, or a pair of nulls."""
        return self._entry(part) is not None

    def model(self, part: str) -> tuple[Any, list[Path]]:
        """A part with weights, on the CPU, and its weights files.

        Raises:
            ModelError: its class is not one that may stand there, or its files are missing or damaged.
        """
        folder = self.root / part
        if part == SAFETY_CHECKER:
            weights = weight_files(folder, TRANSFORMERS_WEIGHTS)
            return load_model(StableDiffusionSafetyChecker, folder), weights
        if part == "vae":
            self.model_class(part)
            return load_autoencoder(folder)
        weights = weight_files(folder, TRANSFORMERS_WEIGHTS if part in TEXT_ENCODERS else DIFFUSERS_WEIGHTS)
        return load_model(self.model_class(part), folder, dtype=self.dtype), weights

    def model_class(self, part: str) -> Any:
        """The class of a part with weights.

        Raises:
            ModelError: the folder names one that may not stand there.
        """
        if part in TEXT_ENCODERS:
            return getattr(transformers, self._known(part, "transformers", _TEXT_ENCODERS))
        return getattr(diffusers, self._known(part, "diffusers", DIFFUSERS_MODELS[part]))

    def tokenizer(self, part: str, text_encoder: Any, longest: int | None) -> Any:
        """A tokenizer that cuts where its text encoder ends (some folders leave the limit out).

        Args:
            part: `tokenizer`, `tokenizer_2`, ...
            text_encoder: the encoder that reads its tokens.
            longest: tokens that the pipeline lets through, where the encoder is no CLIP, which has its own limit.

        Raises:
            ModelError: its class is not one that may stand there, or its files are missing or damaged.
        """
        entry = self._entry(part)
        name = entry[1].removesuffix("Fast") if entry is not None else ""
        if entry is None or entry[0] != "transformers" or name not in _TOKENIZERS:
            raise self._stranger(part, entry, _TOKENIZERS)
        tokenizer = load_part(getattr(transformers, name), self.root / part)
        limit = text_encoder.config.max_position_embeddings if isinstance(text_encoder, _CLIP) else longest
        if limit is not None:
            tokenizer.model_max_length = min(tokenizer.model_max_length, limit)
        return tokenizer

    def feature_extractor(self) -> Any:
        """What prepares images for the safety checker.

        Raises:
            ModelError: its files are missing or damaged.
        """
        return load_part(transformers.CLIPImageProcessor, self.root / FEATURE_EXTRACTOR)

    def _entry(self, part: str) -> tuple[str, str] | None:
        """Library and class of a part; None where the folder has none."""
        entry = self.index.get(part)
        match entry:
            case [str(library), str(name)]:
                return library, name
            case _:
                return None

    def _known(self, part: str, library: str, names: tuple[str, ...]) -> str:
        entry = self._entry(part)
        if entry is None or entry[0] != library or entry[1] not in names:
            raise self._stranger(part, entry, names)
        return entry[1]

    def _stranger(self, part: str, entry: tuple[str, str] | None, names: tuple[str, ...]) -> ModelError:
        found = "none" if entry is None else ".".join(entry)
        return ModelError(
            f"model folder {self.root} has {found} as its {part}; expected one of {', '.join(names)}, "
            "and code that a model brings along is never run"
        )
