"""What goes on beside a model: preparing its next batch, and writing what it gave."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")
Prepared = TypeVar("Prepared")
Written = TypeVar("Written")


def ahead(
    batches: Iterable[Batch], prepare: Callable[[Batch], Prepared], *, max_waiting: int = 2, threads: int = 2
) -> Iterator[Prepared]:
    """Run `prepare` on the next batches in other threads while the caller works on this one.

    Args:
        batches: taken one after the other, on the caller's thread.
        prepare: makes one batch ready. Threads help where it releases the interpreter, as resizing does.
        max_waiting: batches that are prepared, or are being, beside the one that the caller has; it bounds the memory.
        threads: calls of `prepare` at the same time.

    Yields:
        What `prepare` returned, in the order of the batches.

    Raises:
        Exception: the first error of `batches` or `prepare`, in the order of the batches.
    """
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prepare")
    waiting: deque[Future[Prepared]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(prepare, batch))
            if len(waiting) > max_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
