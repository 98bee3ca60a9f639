"""Which torch device a name stands for."""

import torch

from manifests.errors import ModelError


def resolved_device(device: str) -> str:
    """The torch device that `auto` stands for here; any other name as it is.

    Raises:
        ModelError: there is no such device on this machine.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"device {device!r}: not a device; expected auto, cpu, cuda or cuda:N.") from error
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"device {device!r}: this machine has {torch.cuda.device_count()} CUDA devices; choose another."
        )
    return device
