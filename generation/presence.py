"""Whether a model's files are there, asked before any work begins; imports no model library."""

import json
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from safetensors import SafetensorError, safe_open

from generation.config import DiffusionSettings
from manifests.errors import ModelError

_CLIP = ("clip", "clip_text_model")
_PROJECTION = "text_projection.weight"
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
_HUB_SECONDS = 10.0


def require_weights(model: str) -> None:
    """Check that a model's folder holds safetensors, or that its file is there. A Hub id is not looked up here.

    Raises:
        ModelError: the folder or the file is missing, or the folder holds no safetensors weights.
    """
    path = Path(model)
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise ModelError(f"no file {model}; give the path of a .safetensors file.")
    elif path.is_dir():
        if not any(path.rglob("*.safetensors")):
            raise ModelError(
                f"model folder {model} has no weights: expected safetensors files in the published layout "
                "(pickled .bin and .ckpt files are not read). Copy the whole model there, or name another."
            )
    elif path.is_absolute() or model.startswith("."):
        raise ModelError(
            f"no model folder {model}; give a folder in the published format, or a Hub id like `org/name`."
        )


def require_published(model: str, revision: str) -> None:
    """Check that the Hub has a model. Where the Hub cannot be asked nothing is said: its cache may have the model.

    Args:
        model: a Hub id; nothing is asked where it is a folder's path.
        revision: branch, tag or commit; empty for the default branch.

    Raises:
        ModelError: the Hub has no such model, no such revision of it, or does not give it to this user.
    """
    if Path(model).exists():
        return
    try:
        HfApi().model_info(model, revision=revision or None, timeout=_HUB_SECONDS)
    except GatedRepoError as error:
        raise ModelError(
            f"model {model}: its publisher asks for consent first; give it on the model's page, and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(
            f"model {model}: there is no such folder, and the Hub has no such model"
            f"{f' with a revision {revision}' if revision else ''}; check the name, or set HF_TOKEN if it is private"
        ) from error
    except (HTTPError, OSError, ValueError):
        return


def require_additions(config: DiffusionSettings) -> None:
    """Check that what a generator names beside its model is there: LoRAs, and the configs of a checkpoint in one file.

    Args:
        config: the generator; paths as they are from here.

    Raises:
        ModelError: a file is missing, or a folder holds no pipeline.
    """
    for lora in config.lora:
        require_weights(lora.path)
    if config.config and not (Path(config.config) / "model_index.json").is_file():
        raise ModelError(
            f"config {config.config} holds no model_index.json; give the folder, in the format of diffusers, of the model "
            "that the checkpoint was made from."
        )


def require_text_encoder(model: str) -> None:
    """Check that a model's folder holds a tokenizer and an encoder of texts. A Hub id is not looked up here.

    Raises:
        ModelError: it has a decoder, no tokenizer, or is a CLIP that projects no texts, as that of Stable Diffusion.
    """
    folder = Path(model)
    if not folder.is_dir():
        return
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind, has_decoder = settings.get("model_type"), settings.get("is_encoder_decoder")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read; expected the config of a text encoder") from error
    if has_decoder:
        raise ModelError(f"{folder / 'config.json'}: a text encoder is expected, and this model has a decoder")
    if not any(found for pattern in _TOKENIZERS for found in folder.glob(pattern)):
        raise ModelError(f"model folder {model} has no tokenizer: expected one of {', '.join(_TOKENIZERS)}")
    if kind in _CLIP and not any(_PROJECTION in _tensors(file) for file in folder.glob("*.safetensors")):
        raise ModelError(
            f"model folder {model} has no {_PROJECTION}: a CLIP that projects its texts is expected, which the text "
            "encoders of Stable Diffusion do not. Name a whole CLIP, or a sentence encoder."
        )


def _tensors(file: Path) -> set[str]:
    """Names of the tensors in a file; they are not read."""
    try:
        with safe_open(file, framework="numpy") as weights:
            return set(weights.keys())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read as safetensors; copy the model again") from error
