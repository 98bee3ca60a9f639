"""Fine-tuned checkpoints in one safetensors file, as their makers publish them: original names of tensors, no configs.

What the file does not hold (configs, tokenizers, the scheduler) comes from the folder of the model that it was made from.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders import single_file_utils
from safetensors import SafetensorError, safe_open

from generation.digests import digest_of
from generation.models import one_line
from generation.pipeline_parts import (
    DIFFUSERS_MODELS,
    FEATURE_EXTRACTOR,
    IMAGE_ENCODER,
    SAFETY_CHECKER,
    TEXT_ENCODERS,
    PartLoader,
)
from generation.quiet import quiet
from manifests.errors import ModelError


def load_checkpoint(pipeline_class: Any, file: Path, parts: PartLoader, wanted: str) -> tuple[dict[str, Any], str]:
    """The models of a pipeline out of one file.

    A text encoder that the file does not hold is taken from the folder, if that has weights for it.

    Args:
        pipeline_class: the pipeline's class.
        file: the checkpoint.
        parts: the folder of the model that it was made from.
        wanted: the digest that the weights must have; empty for any.

    Returns:
        The models by their part, on the CPU, and the digest of all weights.

    Raises:
        ModelError: the file is missing, damaged, made from another kind of model, or leaves tensors without values; or it
            has another digest.
    """
    if not file.is_file():
        raise ModelError(f"no checkpoint {file}; give a .safetensors file")
    names = [part for part in (*DIFFUSERS_MODELS, *TEXT_ENCODERS) if parts.names(part)]
    lacking = _lacking(file, {part: parts.model_class(part) for part in names})
    lent = {part: parts.model(part) for part in lacking}
    revision = _revision(file, parts.root, [path for _, weights in lent.values() for path in weights])
    if wanted and wanted != revision:
        raise ModelError(
            f"checkpoint {file} holds other weights than the recipe asks for: their digest is {revision}, expected {wanted}"
        )
    try:
        with quiet():
            pipeline = pipeline_class.from_single_file(
                str(file),
                config=str(parts.root),
                local_files_only=True,
                torch_dtype=parts.dtype,
                **dict.fromkeys((SAFETY_CHECKER, FEATURE_EXTRACTOR, IMAGE_ENCODER)),
                **{part: model for part, (model, _) in lent.items()},
            )
    # diffusers raises plain errors of every kind where the tensors are not those that its converters expect
    except Exception as error:
        raise ModelError(
            f"checkpoint {file} cannot be loaded with the configs of {parts.root}; was it made from that model? "
            f"({one_line(error)})"
        ) from error
    models = {part: getattr(pipeline, part).eval() for part in names}
    for part, model in models.items():
        _require_values(model, part, file)
    return models, revision


def _lacking(file: Path, classes: dict[str, Any]) -> list[str]:
    """The text encoders that a file does not hold: fine-tunes leave out what they did not train, CLIPs or T5."""
    try:
        with safe_open(file, framework="pt") as tensors:
            names = dict.fromkeys(tensors.keys())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"checkpoint {file} cannot be read as safetensors: {one_line(error)}") from error
    return [part for part, known in classes.items() if part in TEXT_ENCODERS and not _holds(known, names)]


def _holds(encoder: Any, names: dict[str, None]) -> bool:
    """Whether tensors of these names are such a text encoder, by the rules of diffusers' own converter."""
    untyped: Any = single_file_utils
    if encoder.__name__ == "T5EncoderModel":
        return bool(untyped.is_t5_in_single_file(names))
    return bool(untyped.is_clip_model_in_single_file(encoder, names))


def _require_values(model: torch.nn.Module, part: str, file: Path) -> None:
    """Tensors that the file does not hold stay without values, and diffusers says nothing."""
    empty = sorted(name for name, tensor in model.state_dict().items() if tensor.is_meta)
    if empty:
        raise ModelError(
            f"checkpoint {file} has no values for {len(empty)} of the tensors of its {part}, such as {empty[0]}"
        )


def _revision(file: Path, root: Path, lent: list[Path]) -> str:
    """Digest of the file, and of what the folder lends it."""
    found = digest_of(file.parent, [file])
    if not lent:
        return found
    return sha256(f"{found}\n{digest_of(root, lent)}\n".encode()).hexdigest()[: len(found)]
