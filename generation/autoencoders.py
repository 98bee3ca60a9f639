"""The autoencoders of diffusers that have one image as input and one latent grid as output."""

from pathlib import Path
from typing import Any

import diffusers

from generation.models import DIFFUSERS_WEIGHTS, load_model, read_config, weight_files
from manifests.errors import ModelError

AUTOENCODERS: dict[str, Any] = {
    "AutoencoderDC": diffusers.AutoencoderDC,
    "AutoencoderKL": diffusers.AutoencoderKL,
    "AutoencoderTiny": diffusers.AutoencoderTiny,
}
"""The classes, by name: that of Sana (arXiv 2410.10733), those of Stable Diffusion and FLUX with 4 or 16 channels, and
their small approximation."""


def load_autoencoder(folder: Path) -> tuple[Any, list[Path]]:
    """The autoencoder of a folder, float32 on the CPU, and its weights files.

    Raises:
        ModelError: the folder holds none, or one of another kind.
    """
    name = read_config(folder / "config.json").get("_class_name")
    if name not in AUTOENCODERS:
        raise ModelError(f"model folder {folder} holds a {name}; expected one of {', '.join(AUTOENCODERS)}")
    weights = weight_files(folder, DIFFUSERS_WEIGHTS)
    return load_model(AUTOENCODERS[name], folder), weights


def reduction(autoencoder: Any) -> int:
    """How many pixels a latent stands for, along each side: the autoencoder halves once for every level but the first."""
    settings = autoencoder.config
    # (an AutoencoderTiny repeats its decoder's channels under the second name)
    levels = settings.get("encoder_block_out_channels") or settings.block_out_channels
    return int(2 ** (len(levels) - 1))
