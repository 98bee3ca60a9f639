"""Whether a model's files are there, asked before any work begins; imports no model library."""

from pathlib import Path

from manifests.errors import ModelError


def require_weights(model: str) -> None:
    """Check that a model's folder holds safetensors. A Hub id is not looked up here.

    Raises:
        ModelError: the folder is missing, or holds no safetensors weights.
    """
    path = Path(model)
    if path.is_dir():
        if not any(path.rglob("*.safetensors")):
            raise ModelError(
                f"model folder {model} has no weights: expected safetensors files in the published layout "
                "(pickled .bin and .ckpt files are not read). Copy the whole model there, or name another."
            )
    elif path.is_absolute() or model.startswith("."):
        raise ModelError(
            f"no model folder {model}; give a folder in the published format, or a Hub id like `org/name`."
        )
