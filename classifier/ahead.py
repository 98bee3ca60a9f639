"""Work done by threads ahead of whoever wants its results, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, distance: int) -> Iterator[Result]:
    """What `map` gives, in the same order, whatever the number of threads.

    Image decoders let go of Python's lock, so threads decode side by side; unlike processes they need not copy the pixels
    to anybody.

    Args:
        work: done to each item, by any thread.
        items: drawn by the thread that iterates.
        threads: how many work; 0: the thread that iterates does.
        distance: how many items at most are begun ahead of the one that is wanted.

    Raises:
        Exception: what `work` raises, at the place of its item.
    """
    if threads == 0:
        yield from map(work, items)
        return
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > distance:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
