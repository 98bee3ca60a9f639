"""LoRAs (arXiv 2106.09685) laid over a pipeline: their change, times its scale, is added to the weights once."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from torch import nn

from generation.config import LoraConfig
from generation.digests import digest_of
from generation.models import one_line
from generation.quiet import quiet
from manifests.errors import ModelError
from manifests.records import Lora

_FIRST_FACTOR = re.compile(r"(lora_A|[._](lora_)?down)(\.default)?\.weight$")
"""One tensor of each layer that a LoRA changes, in the names that diffusers gives all formats on reading."""


def lay_loras(pipeline: Any, loras: Sequence[LoraConfig]) -> tuple[Lora, ...]:
    """Add LoRAs to the weights of a pipeline on the CPU.

    Args:
        pipeline: a pipeline of diffusers.
        loras: files and scales; paths as they are from here.

    Returns:
        What was laid over it, as records say it.

    Raises:
        ModelError: a file is missing, damaged, not the one that is asked for, or a LoRA for another model; or LoRAs are
            not known for such a pipeline.
    """
    if not loras:
        return ()
    if not hasattr(pipeline, "load_lora_weights"):
        raise ModelError(f"diffusers lays no LoRA over a {type(pipeline).__name__}; remove `lora`")
    used = tuple(_record(lora) for lora in loras)
    names = [f"lora_{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        _load(pipeline, name, Path(lora.path))
    with quiet():
        pipeline.set_adapters(names, [lora.scale for lora in loras])
        pipeline.fuse_lora(components=_changed(pipeline), adapter_names=names)
        pipeline.unload_lora_weights()
    return used


def as_recorded(loras: Sequence[LoraConfig], recorded: Sequence[Lora], generator: str) -> tuple[LoraConfig, ...]:
    """The LoRAs that a record names: files from the recipe, digests and scales from the record.

    Raises:
        ModelError: they are not the recipe's.
    """
    here, there = [Path(lora.path).name for lora in loras], [lora.name for lora in recorded]
    if here != there:
        raise ModelError(
            f"generator {generator}: its records name the LoRAs {', '.join(there) or 'none'}, "
            f"the recipe {', '.join(here) or 'none'}"
        )
    return tuple(
        lora.model_copy(update={"revision": record.revision, "scale": record.scale})
        for lora, record in zip(loras, recorded, strict=True)
    )


def _record(lora: LoraConfig) -> Lora:
    file = Path(lora.path)
    if not file.is_file():
        raise ModelError(f"no LoRA {file}; give a .safetensors file")
    found = digest_of(file.parent, [file])
    if lora.revision and lora.revision != found:
        raise ModelError(f"LoRA {file} is another than is asked for: its digest is {found}, expected {lora.revision}")
    return Lora(name=file.name, revision=found, scale=lora.scale)


def _load(pipeline: Any, name: str, file: Path) -> None:
    """Load one LoRA; all that it changes must be there to be changed."""
    place = {"weight_name": file.name, "local_files_only": True, "use_safetensors": True}
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there is a second LoRA
            state = pipeline.lora_state_dict(str(file.parent), **place)
            pipeline.load_lora_weights(str(file.parent), adapter_name=name, **place)
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        SafetensorError,
    ) as error:
        raise _misfit(pipeline, file, one_line(error)) from error
    tensors = state[0] if isinstance(state, tuple) else state
    wanted = sum(1 for key in tensors if _FIRST_FACTOR.search(key))
    found = sum(name in layer.lora_A for layer in _layers(pipeline))
    if not wanted or found != wanted:
        raise _misfit(pipeline, file, f"{found} of the {wanted} layers that it changes are there")


def _misfit(pipeline: Any, file: Path, reason: str) -> ModelError:
    return ModelError(
        f"LoRA {file} does not fit this {type(pipeline).__name__}; was it made for this model? ({reason})"
    )


def _layers(pipeline: Any) -> list[Any]:
    """All layers that a LoRA changes."""
    models = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    return [
        module
        for model in models
        for module in model.modules()
        if isinstance(module, BaseTunerLayer) and hasattr(module, "lora_A")
    ]


def _changed(pipeline: Any) -> list[str]:
    """The parts that have such layers."""
    return [
        name
        for name, part in pipeline.components.items()
        if isinstance(part, nn.Module) and any(isinstance(module, BaseTunerLayer) for module in part.modules())
    ]
