"""Where and with what a model computes: all that low bits depend on."""

from collections.abc import Iterator
from contextlib import contextmanager

import diffusers
import torch
import transformers

from generation.config import Precision
from manifests.errors import TwinsetError

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@contextmanager
def reproducible() -> Iterator[None]:
    """Inside: no gradients, and convolutions by one fixed, deterministic algorithm instead of the fastest of the moment."""
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield


def find_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        TwinsetError: there is no such device on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TwinsetError(f"device {name!r} cannot be used here; give `cpu`, or a GPU that torch sees") from error
    return device


def seeded_rng(seed: int) -> torch.Generator:
    """The rng of one image: always on the CPU, so that the noise is the same on every device.

    torch's CPU generator takes the low 32 bits of the seed alone.
    """
    return torch.Generator("cpu").manual_seed(seed)


def device_kind(device: torch.device) -> str:
    """The kind of machine, as recorded: `cpu`, or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a fake's low bits depend on."""
    return {
        "diffusers": diffusers.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
