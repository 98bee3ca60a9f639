"""How often one host is asked: at most so many requests at a time, and a pause between their starts."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock


@dataclass(frozen=True)
class Pace:
    """What one host is asked at most.

    Attributes:
        at_a_time: requests at the same time; None for no limit.
        interval: seconds between the starts of two requests.
    """

    at_a_time: int | None
    interval: float


class Turns:
    """Whose turn it is to ask a host; one object serves all threads of a process."""

    def __init__(self, pace: Callable[[str], Pace]) -> None:
        """Set the pace of each host, asked once by the host's name."""
        self._pace = pace
        self._hosts: dict[str, _Host] = {}
        self._lock = Lock()

    @contextmanager
    def turn(self, host: str) -> Iterator[float]:
        """Wait until the host may be asked, and keep the turn while the context lasts; gives the seconds waited."""
        with self._lock:
            if host not in self._hosts:
                self._hosts[host] = _Host(self._pace(host))
            turns = self._hosts[host]
        began = time.monotonic()
        with turns.places:
            turns.wait_for_start()
            yield time.monotonic() - began


class _Host:
    def __init__(self, pace: Pace) -> None:
        self.places: AbstractContextManager[object] = (
            nullcontext() if pace.at_a_time is None else BoundedSemaphore(pace.at_a_time)
        )
        self._interval = pace.interval
        self._next = 0.0  # on the monotonic clock
        self._lock = Lock()

    def wait_for_start(self) -> None:
        if not self._interval:
            return
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + self._interval
        time.sleep(max(start - time.monotonic(), 0))
