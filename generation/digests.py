"""What identifies a model's weights in a folder of one's own; imports no model library."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path


def digest_of(folder: Path, weights: Sequence[Path]) -> str:
    """First 16 hex digits of a sha256 over the names, sizes and contents of weights files.

    Args:
        folder: the model's folder.
        weights: files in it.
    """
    total = hashlib.sha256()
    for path in sorted(weights):
        status = path.stat()
        content = _content(path, status.st_size, status.st_mtime_ns)
        total.update(f"{path.relative_to(folder).as_posix()}\n{status.st_size}\n{content}\n".encode())
    return total.hexdigest()[:16]


def folder_digest(model: str) -> str:
    """Digest of all that a model's folder holds of weights and settings.

    Returns:
        Empty where the model is no folder: a Hub id, whose revision says what it is.
    """
    folder = Path(model)
    if not folder.is_dir():
        return ""
    return digest_of(folder, [path for pattern in ("*.safetensors", "*.json") for path in folder.glob(pattern)])


@lru_cache(maxsize=256)
def _content(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - size and time tell a changed file
    """A file's sha256, computed once as long as the file is the same: it may be asked for each chunk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
