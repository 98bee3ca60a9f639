"""The autoencoders of diffusers that have one image as input and one latent grid as output."""

from pathlib import Path
from typing import Any

import diffusers

from generation.models import DIFFUSERS_WEIGHTS, load_model, read_config, weight_files
from manifests.errors import ModelError

_CLASSES = {"AutoencoderKL": diffusers.AutoencoderKL, "AutoencoderTiny": diffusers.AutoencoderTiny}


def load_autoencoder(folder: Path) -> tuple[Any, list[Path]]:
    """The autoencoder of a folder, float32 on the CPU, and its weights files.

    Raises:
        ModelError: the folder holds none, or one of another kind.
    """
    name = read_config(folder / "config.json").get("_class_name")
    if name not in _CLASSES:
        raise ModelError(f"model folder {folder} holds a {name}; expected one of {', '.join(_CLASSES)}")
    weights = weight_files(folder, DIFFUSERS_WEIGHTS)
    return load_model(_CLASSES[name], folder), weights


def reduction(autoencoder: Any) -> int:
    """How many pixels a latent stands for, along each side: the autoencoder halves once for every level but the first."""
    # (an AutoencoderTiny repeats its decoder's channels under this name)
    return int(2 ** (len(autoencoder.config.block_out_channels) - 1))
