"""Faults of the machine, told apart from faults of a model.

A fake ends in one of three ways, as OpenFake (arXiv 2509.09495) names them: completed; a fault of the model (blank, unsafe,
not a number), for which the pair is rejected; a fault of the infrastructure, for which no pair can be blamed. The last stops
the chunk, which is tried again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from generation.models import one_line
from manifests.errors import InfrastructureError, ModelError

_NO_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
"""What CUDA, torch's allocator of the processor's memory, cuBLAS and cuDNN say of it in errors that have no class of their own."""


_COMPILERS = ("torch._dynamo", "torch._inductor")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch has a class for its own allocator on a GPU alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


@contextmanager
def device_faults(who: str) -> Iterator[None]:
    """Inside: what the device reports as its own failure becomes an error of one line. Memory is batches' business.

    Args:
        who: what the device was doing it for: a generator, the captioner.

    Raises:
        InfrastructureError: the device failed.
        ModelError: the model is to be compiled, and this machine has not what that takes.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.AcceleratorError) and not out_of_memory(error):
            raise InfrastructureError(
                f"{who}: the device failed ({one_line(error)}); run the same command again, in a new process"
            ) from error
        if type(error).__module__.startswith(_COMPILERS) and not out_of_memory(error):
            cause = getattr(error, "inner_exception", error)
            raise ModelError(
                f"{who}: compiling fails here ({one_line(cause)}); install what torch.compile needs (a C++ compiler, and "
                "Triton on a GPU), or set compile = false"
            ) from error
        raise


@contextmanager
def refusals(who: str, pipeline: Any, steps: int) -> Iterator[None]:
    """Inside: a pipeline is called. Not all go with all schedulers, nor these with all numbers of steps, and they say so late.

    Args:
        who: what the pipeline is called for.
        pipeline: a pipeline of diffusers, with its scheduler.
        steps: that it is asked for.

    Raises:
        ModelError: it raised an error of its own.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        raise ModelError(
            f"{who}: a {type(pipeline).__name__} fails with {type(pipeline.scheduler).__name__} and {steps} steps "
            f"({one_line(error)}); take another scheduler, the model's own, or another number of steps"
        ) from error


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Inside: a model is moved to its device.

    Args:
        model: what errors call it.

    Raises:
        InfrastructureError: there is no room for it, or the device failed.
    """
    try:
        with device_faults(f"model {model}"):
            yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise InfrastructureError(
            f"model {model}: there is not enough memory to load it; free the device, or take a larger one or a smaller dtype"
        ) from error
