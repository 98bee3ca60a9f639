import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.ahead import ahead


@settings(max_examples=30)
@given(items=st.lists(st.integers(), max_size=20), threads=st.integers(0, 3), distance=st.integers(0, 6))
def test_results_come_in_order_whatever_the_threads(items: list[int], threads: int, distance: int):
    assert list(ahead(lambda item: item + 1, items, threads=threads, distance=distance)) == [item + 1 for item in items]


def test_no_more_is_begun_than_the_distance_allows():
    drawn: list[int] = []

    def items():
        for number in range(100):
            drawn.append(number)
            yield number

    results = ahead(lambda item: item, items(), threads=2, distance=5)
    assert next(results) == 0
    assert len(drawn) == 6


def test_an_error_comes_at_its_place_and_no_thread_is_left():
    def work(item: int) -> float:
        return 1 / item

    results = ahead(work, [2, 1, 0, 4], threads=2, distance=3)
    assert [next(results), next(results)] == [0.5, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not any(thread.name.startswith("ahead") for thread in threading.enumerate())


def test_who_stops_early_leaves_no_thread():
    results = ahead(lambda item: item, range(100), threads=2, distance=5)
    next(results)
    results.close()
    assert not any(thread.name.startswith("ahead") for thread in threading.enumerate())
