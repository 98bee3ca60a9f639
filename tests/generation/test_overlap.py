import threading
import time
from collections.abc import Iterator

import pytest

from generation.overlap import ahead, overlapped


def test_results_stand_in_the_order_of_the_batches():
    def write(number: int) -> int:
        time.sleep(0.02 if number % 2 == 0 else 0)
        return number * 10

    assert list(overlapped(range(7), write, max_pending=3, threads=3)) == [0, 10, 20, 30, 40, 50, 60]


def test_writing_goes_on_while_the_next_batch_is_made():
    second_is_made = threading.Event()

    def batches() -> Iterator[int]:
        yield 1
        second_is_made.set()
        yield 2

    def write(_: int) -> bool:
        return second_is_made.wait(timeout=120)

    assert list(overlapped(batches(), write)) == [True, True]


def test_pending_batches_are_bounded():
    made = 0
    written = 0
    most = 0

    def batches() -> Iterator[int]:
        nonlocal made, most
        for number in range(12):
            made += 1
            most = max(most, made - written)
            yield number

    def write(_: int) -> None:
        nonlocal written
        time.sleep(0.005)
        written += 1

    list(overlapped(batches(), write, max_pending=2, threads=1))
    assert written == 12
    # two that wait, one that is handed over, one that is being made
    assert most <= 4


def test_an_error_of_writing_reaches_the_caller_and_stops_the_rest():
    started: list[int] = []

    def write(number: int) -> int:
        started.append(number)
        if number == 1:
            raise OSError("no space left on device")
        return number

    results = overlapped(range(100), write, max_pending=1, threads=1)
    with pytest.raises(OSError, match="no space left"):
        list(results)
    assert len(started) < 10


def test_an_error_of_making_reaches_the_caller_after_writing_has_ended():
    ended: list[int] = []

    def batches() -> Iterator[int]:
        yield 1
        raise ValueError("the model broke")

    def write(number: int) -> None:
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(ValueError, match="the model broke"):
        list(overlapped(batches(), write))
    assert ended == [1]


def test_nothing_to_do():
    assert list(overlapped([], str)) == []


def test_at_least_one_batch_must_be_allowed_to_wait():
    with pytest.raises(ValueError, match="max_pending"):
        list(overlapped([1], str, max_pending=0))


def test_the_next_batches_are_prepared_while_this_one_is_worked_on():
    prepared = {number: threading.Event() for number in range(4)}

    def prepare(number: int) -> int:
        prepared[number].set()
        return number * 10

    found = []
    for number, ready in enumerate(ahead(range(4), prepare, max_waiting=1)):
        assert prepared[min(number + 1, 3)].wait(timeout=120)
        found.append(ready)
    assert found == [0, 10, 20, 30]


def test_no_more_batches_are_prepared_than_may_wait():
    taken: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    for number, _ in enumerate(ahead(batches(), str, max_waiting=2)):
        # the one that is worked on, and two that wait
        assert len(taken) <= number + 3


def test_an_error_of_preparing_reaches_the_caller_at_its_place():
    def prepare(number: int) -> int:
        if number == 2:
            raise ValueError("a broken image")
        return number

    found: list[int] = []
    with pytest.raises(ValueError, match="a broken image"):
        found.extend(ahead(range(5), prepare, max_waiting=4))
    assert found == [0, 1]
