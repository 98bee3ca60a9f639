"""Files of weights, read without unpickling: safetensors, and torch checkpoints of tensors and plain values only."""

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from classifier.prefixes import renamed
from manifests.errors import ModelError

# where trainings put the weights among the rest of what they save
_WRAPPERS = ("model_state_dict", "state_dict", "model")


def read_weights(path: Path, prefixes: Mapping[str, str] | None = None) -> dict[str, Tensor]:
    """The weights in a file, on the CPU, under timm's own names.

    Args:
        path: `.safetensors`, or a torch checkpoint: the weights alone, or under `model_state_dict`, `state_dict` or
            `model`.
        prefixes: see `classifier.prefixes.renamed`.

    Raises:
        ModelError: no such file, a damaged one, or one that holds anything else than tensors and plain values.
    """
    # asked first, because a pipe would be waited for
    if not os.path.isfile(path):  # noqa: PTH113 - it bears any name
        raise ModelError(f"{path}: no such file of weights.")
    state = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    return renamed(state, prefixes or {}, str(path))


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable safetensors file ({error}).") from error


def _torch(path: Path) -> dict[str, Tensor]:
    damaged = f"{path}: the checkpoint is damaged or cut short. Fetch it again."
    try:
        with warnings.catch_warnings():
            # the refusals below say it better
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            warnings.filterwarnings("ignore", message=".* looks like a TorchScript archive")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: not a checkpoint of weights alone, and nothing else is read, because unpickling could run any "
            "program. Ask its author for safetensors."
        ) from error
    except RuntimeError as error:
        if "TorchScript" in str(error):
            raise ModelError(f"{path}: a TorchScript program, and programs are not run. Give its weights.") from error
        raise ModelError(damaged) from error
    except Exception as error:  # in a damaged file torch's reader stumbles over nearly anything
        raise ModelError(damaged) from error
    return _weights(content, path)


def _weights(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict):
        content = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)), content)
    state = (
        {name: value for name, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not state or not all(isinstance(name, str) for name in state):
        raise ModelError(f"{path}: holds no weights: expected tensors by name, alone or under {', '.join(_WRAPPERS)}.")
    return state
