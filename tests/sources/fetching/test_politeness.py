import threading
import time
from contextlib import suppress

import pytest

from sources.fetching.politeness import Pace, Turns


def test_starts_at_one_host_are_an_interval_apart():
    turns = Turns(lambda _: Pace(at_a_time=None, interval=0.05))
    began = time.monotonic()
    for _ in range(4):
        with turns.turn("a.example"):
            pass
    assert time.monotonic() - began >= 0.15


def test_hosts_do_not_wait_for_one_another():
    turns = Turns(lambda _: Pace(at_a_time=1, interval=60))
    for number in range(10):
        with turns.turn(f"{number}.example") as waited:
            assert waited < 30


def test_no_more_than_so_many_have_a_turn_at_a_host():
    turns = Turns(lambda _: Pace(at_a_time=3, interval=0))
    inside, most, lock = 0, 0, threading.Lock()
    three = threading.Barrier(3)

    def ask() -> None:
        nonlocal inside, most
        with turns.turn("a.example"):
            with lock:
                inside += 1
                most = max(most, inside)
            three.wait(120)  # three at a time there are
            with lock:
                inside -= 1

    threads = [threading.Thread(target=ask) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_a_turn_ends_with_a_failure():
    turns = Turns(lambda _: Pace(at_a_time=1, interval=0))
    for _ in range(3):
        with suppress(ZeroDivisionError), turns.turn("a.example"):
            _ = 1 / 0


class Clock:
    """Stands still but for who sleeps: what else runs on the machine takes none of its time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_wait_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sources.fetching.politeness.time", Clock())
    turns = Turns(lambda _: Pace(at_a_time=None, interval=0.1))
    with turns.turn("a.example") as first, turns.turn("a.example") as second:
        assert (first, second) == (0, pytest.approx(0.1))
