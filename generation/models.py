"""Where models are: folders, or the Hub. Only safetensors are read, never pickles."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub

from generation.digests import digest_of
from generation.quiet import quiet
from manifests.errors import ModelError

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model"
TRANSFORMERS_WEIGHTS = "model"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class ModelFolder:
    """A model's files on this machine.

    Attributes:
        path: the folder.
        name: the Hub id, or the last part of the folder's path: what records call the model.
        commit: the Hub's commit; empty for a folder of one's own.
        wanted: the revision that the recipe asks for.
    """

    path: Path
    name: str
    commit: str
    wanted: str

    def revision(self, weights: Sequence[Path]) -> str:
        """What identifies these weights: the Hub's commit, or a digest of the weights files.

        Raises:
            ModelError: the recipe asks for other weights than the folder holds.
        """
        if self.commit:
            return self.commit
        found = digest_of(self.path, weights)
        if self.wanted and self.wanted != found:
            raise ModelError(
                f"model folder {self.path} holds other weights than the recipe asks for: "
                f"their digest is {found}, expected {self.wanted}"
            )
        return found


def find_model(model: str, revision: str, patterns: Sequence[str]) -> ModelFolder:
    """A model's folder: the one given, or the Hub's files in the local cache, fetched where they are not there yet.

    With `HF_HUB_OFFLINE=1`, or with no network, only the cache is asked.

    Args:
        model: a folder's path or a Hub id.
        revision: branch, tag or commit on the Hub, empty for the default branch; for a folder, the digest it must have.
        patterns: which of the Hub's files are needed, as shell patterns.

    Raises:
        ModelError: there is no such folder and no such model on the Hub or in its cache.
    """
    path = Path(model)
    if path.is_dir():
        return ModelFolder(path, name=path.resolve().name, commit="", wanted=revision)
    if path.exists() or not _HUB_ID.fullmatch(model):
        raise ModelError(f"no model folder {model}; give a folder in the published format, or a Hub id like `org/name`")
    try:
        with quiet():
            snapshot = huggingface_hub.snapshot_download(
                model, revision=revision or None, allow_patterns=list(patterns)
            )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {model}: there is no such folder, and the Hub does not give it"
            f"{f' at revision {revision}' if revision else ''} ({one_line(error)})"
        ) from error
    return ModelFolder(Path(snapshot), name=model, commit=Path(snapshot).name, wanted=revision)


def read_config(path: Path) -> dict[str, Any]:
    """A model's JSON config.

    Raises:
        ModelError: the file is missing or holds no JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"model folder {path.parent} has no {path.name}; is it the right folder?") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {one_line(error)}") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} holds no JSON object")
    return config


def weight_files(folder: Path, stem: str) -> list[Path]:
    """The weights of one model: a single safetensors file, or all parts that its index names.

    Args:
        folder: the model's folder.
        stem: the published name of the weights, `DIFFUSERS_WEIGHTS` or `TRANSFORMERS_WEIGHTS`.

    Raises:
        ModelError: weights are missing; pickled weights (.bin, .ckpt) do not count.
    """
    single = folder / f"{stem}.safetensors"
    if single.is_file():
        return [single]
    index = folder / f"{stem}.safetensors.index.json"
    if not index.is_file():
        raise ModelError(
            f"model folder {folder} has no weights: expected {single.name} (pickled weights are never read)"
        )
    names = set(_weight_map(index).values())
    missing = sorted(name for name in names if Path(name).name != name or not (folder / name).is_file())
    if missing:
        raise ModelError(f"model folder {folder} lacks parts of its weights: expected {', '.join(missing)}")
    return [folder / name for name in sorted(names)]


def _weight_map(index: Path) -> dict[str, str]:
    parts = read_config(index).get("weight_map")
    if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
        raise ModelError(f"{index} names no files: expected an object `weight_map` of tensor and file names")
    return parts


def load_model(model_class: Any, folder: Path, **options: Any) -> Any:
    """Load one model of diffusers or transformers, in evaluation mode, on the CPU.

    Args:
        model_class: the model's class.
        folder: the model's folder.
        options: further arguments of the class's `from_pretrained`.

    Raises:
        ModelError: the weights are damaged, are another architecture's, or leave part of the model without values
            (the libraries would fill it with random numbers and go on).
    """
    try:
        with quiet():
            model, report = model_class.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"model folder {folder} cannot be loaded: {one_line(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"model folder {folder} has no values for {len(missing)} of the tensors of {model_class.__name__}, "
            f"such as {missing[0]}"
        )
    return model.eval()


def load_part(part_class: Any, folder: Path, **options: Any) -> Any:
    """Load what holds no weights: a tokenizer, a scheduler or an image processor.

    Args:
        part_class: its class.
        folder: its folder.
        options: further arguments of the class's `from_pretrained`.

    Raises:
        ModelError: its files are missing or damaged.
    """
    if not folder.is_dir():
        raise ModelError(f"model folder {folder.parent} has no {folder.name}/; is it the right folder?")
    try:
        with quiet():
            return part_class.from_pretrained(folder, local_files_only=True, **options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder} cannot be loaded as {part_class.__name__}: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    """The first line of an error's text, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
