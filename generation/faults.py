"""Faults of the machine, told apart from faults of a model.

A fake ends in one of three ways, as OpenFake (arXiv 2509.09495) names them: completed; a fault of the model (blank, unsafe,
not a number), for which the pair is rejected; a fault of the infrastructure, for which no pair can be blamed. The last stops
the chunk, which is tried again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from manifests.errors import InfrastructureError


@contextmanager
def device_faults(generator: str) -> Iterator[None]:
    """Inside: what the device reports as its own failure becomes an error of one line. Memory is batches' business.

    Args:
        generator: its name.

    Raises:
        InfrastructureError: the device failed.
    """
    try:
        yield
    except torch.AcceleratorError as error:
        first = str(error).strip().splitlines()[0]
        raise InfrastructureError(
            f"generator {generator}: the device failed ({first}); run the same command again, in a new process"
        ) from error
