"""Writing what a model gave while the model makes the next batch."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")
Written = TypeVar("Written")


def overlapped(
    batches: Iterable[Batch], write: Callable[[Batch], Written], *, max_pending: int = 2, threads: int = 2
) -> Iterator[Written]:
    """Run `write` on every batch in other threads while the next batches are made in this one.

    Args:
        batches: made one after the other, on the caller's thread.
        write: encodes and stores one batch. Threads help where it releases the interpreter, as image encoders,
            compression and files do.
        max_pending: batches that may wait or be written while the next is made; it bounds the memory.
        threads: calls of `write` at the same time.

    Yields:
        What `write` returned, in the order of the batches.

    Raises:
        Exception: the first error of `batches` or `write`, in the order of the batches; by then writing that had begun
            has ended, and what had not begun never does.
    """
    if max_pending < 1:
        raise ValueError(f"max_pending must be 1 or more, not {max_pending}")
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="write")
    pending: deque[Future[Written]] = deque()
    try:
        for batch in batches:
            pending.append(pool.submit(write, batch))
            while pending and (len(pending) > max_pending or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
