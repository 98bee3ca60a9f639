"""Fixed batches, and what is done when one does not fit into memory.

The low bits of an image depend on the size of its batch and on its place there, but not on what the other rows hold:
every operation of the models treats rows apart. So a record of size and place is enough to compute an image again,
in a batch whose other rows may hold anything.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from generation.faults import device_faults, out_of_memory
from manifests.errors import InfrastructureError

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row(Generic[Result]):
    """One result, and where it was computed.

    Attributes:
        result: what the model gave.
        batch_size: rows of the batch that the model saw.
        batch_position: the result's row there.
        degraded: whether the batch was smaller than it should have been, for want of memory.
    """

    result: Result
    batch_size: int
    batch_position: int
    degraded: bool


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive slices of `size` items; the last may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class BatchRunner(Generic[Item, Result]):
    """Runs the batches of one chunk; after running out of memory, in halves, for the rest of the chunk.

    Args:
        run: computes one batch: a result an item, in order.
        batch_size: rows of a whole batch.
        fill: give the model whole batches only (compiled models know one shape): short ones are filled up with copies
            of their last item, whose results are dropped.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Sequence[Result]], *, batch_size: int, fill: bool = False
    ) -> None:
        self._run = run
        self._batch_size = batch_size
        self._fill = fill
        self._largest = batch_size

    def rows(self, items: Sequence[Item]) -> list[Row[Result]]:
        """Compute a batch of at most `batch_size` items.

        Raises:
            InfrastructureError: a single item needs more memory than there is, or the device failed.
        """
        wanted = self._batch_size if self._fill else len(items)
        rows: list[Row[Result]] = []
        while len(rows) < len(items):
            part = items[len(rows) : len(rows) + self._largest]
            size = self._largest if self._fill else len(part)
            results = self._attempt([*part, *[part[-1]] * (size - len(part))])
            if results is None:
                self._halve(size)
                continue
            rows += [
                Row(results[position], batch_size=size, batch_position=position, degraded=size < wanted)
                for position in range(len(part))
            ]
        return rows

    def _attempt(self, items: Sequence[Item]) -> Sequence[Result] | None:
        """The results, or None when memory runs out; by then the failed attempt holds none of it."""
        try:
            with device_faults("the model"):
                return self._run(items)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        if torch.cuda.is_available():
            gc.collect()
            torch.cuda.empty_cache()
        return None

    def _halve(self, size: int) -> None:
        if size == 1:
            raise InfrastructureError(
                "out of memory with a batch of one image; use a smaller model or frame, or dtype = 'bfloat16', "
                "or free the device"
            )
        self._largest = (size + 1) // 2
        _log.warning("out of memory with a batch of %d; the rest of the chunk goes on by %d", size, self._largest)
