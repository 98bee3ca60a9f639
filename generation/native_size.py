"""The native size of SDXL models, asked of their configs before any work begins; imports no model library."""

import json
from pathlib import Path
from typing import Any

from generation.buckets import check_native_size
from generation.config import DiffusionSettings
from generation.model_presets import PRESETS

_SDXL = "StableDiffusionXL"


def require_native_size(config: DiffusionSettings, side: int) -> None:
    """Check that an SDXL model is not asked for less than its native size. A Hub model is known by its preset only.

    Args:
        config: the generator; paths as they are from here.
        side: of the squares that it will be asked for, pixels.

    Raises:
        ModelError: it is asked for less.
    """
    native = _native_side(config)
    if native is not None:
        check_native_size(config.name, native, side, side)


def _native_side(config: DiffusionSettings) -> int | None:
    """Side of an SDXL model's square images; None for another model, and where nothing here tells."""
    root = Path(config.config or config.model)
    index, unet, vae = (_read(root / name) for name in ("model_index.json", "unet/config.json", "vae/config.json"))
    if index is None:
        preset = PRESETS.get(config.preset) if config.preset is not None else None
        if preset is None or preset.model != config.model or not preset.pipeline.startswith(_SDXL):
            return None
        return preset.native_side
    levels = vae.get("block_out_channels") if vae is not None else None
    sample = unet.get("sample_size") if unet is not None else None
    if (
        not str(index.get("_class_name")).startswith(_SDXL)
        or not isinstance(sample, int)
        or not isinstance(levels, list)
    ):
        return None
    # an autoencoder halves once for every level but the first
    return sample << max(0, len(levels) - 1)


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object; None where there is none: whoever loads the model says what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
