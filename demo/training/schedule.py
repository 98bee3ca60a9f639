"""What the training stages share: a budget of time, the learning rate over it, mixed precision, batches."""

import contextlib
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Budget:
    """A stretch of wall-clock time that starts when it is made; it shapes the learning rate and ends the training."""

    def __init__(self, minutes: float) -> None:
        self._seconds = minutes * 60
        self._start = time.monotonic()

    def progress(self) -> float:
        """Share of the time that is gone, 0 to 1."""
        return min(1.0, (time.monotonic() - self._start) / self._seconds)

    def learning_rate(self, peak: float, warm_up: float = 0.02) -> float:
        """A short linear rise to ``peak``, then half a cosine down to a hundredth of it."""
        gone = self.progress()
        if gone < warm_up:
            return peak * max(gone / warm_up, 0.01)
        falling = (gone - warm_up) / (1 - warm_up)
        return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * falling)) / 2)


def step(loss: Tensor, optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """One optimiser step at this learning rate, with the gradient's norm held to 1."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    for group in optimizer.param_groups:
        torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
    optimizer.step()


def batches(count: int, size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless index batches (int64, shape (size,)): every epoch a new order, the odd rest of each left out."""
    while True:
        order = torch.randperm(count, generator=rng)
        yield from order[: count - count % size].reshape(-1, size)


def as_model_range(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 pictures (batch, height, width, 3) as float32 (batch, 3, height, width) in -1 to 1."""
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()
    return (pixels / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """bfloat16 for the heavy operations: two to four times faster on recent CPUs and GPUs alike."""
    return torch.autocast(device.type, torch.bfloat16)
