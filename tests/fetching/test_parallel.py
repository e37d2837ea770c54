"""Several at once: no more than may be, each error raised, and nobody waits for what hangs."""

from __future__ import annotations

import threading
import time

import pytest

from candlecast.fetching.clock import Clock, StoppedError
from candlecast.fetching.parallel import in_parallel


def test_each_item_comes_with_its_result_and_few_are_under_way() -> None:
    under_way: list[int] = []
    most: list[int] = []

    def work(item: int) -> int:
        under_way.append(item)
        most.append(len(under_way))
        time.sleep(0.002)
        under_way.remove(item)
        return item * item

    found = dict(in_parallel(work, range(30), 3, Clock()))
    assert found == {item: item * item for item in range(30)}
    assert 1 < max(most) <= 3
    assert list(in_parallel(work, [], 3, Clock())) == []


def test_an_error_is_raised_as_it_is_and_stops_the_others() -> None:
    clock = Clock()
    ended: list[type[Exception]] = []

    def work(item: int) -> int:
        if item == 0:
            raise KeyError("this one")
        try:
            clock.sleep(20)
        except StoppedError as stopped:
            ended.append(type(stopped))
            raise
        return item

    with pytest.raises(KeyError, match="this one"):
        list(in_parallel(work, range(9), 3, clock))
    deadline = time.monotonic() + 5
    while len(ended) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert ended == [StoppedError] * 2, "and the six that waited never began"


def test_who_stops_listening_does_not_wait_for_what_hangs() -> None:
    release = threading.Event()
    each = in_parallel(lambda item: item and release.wait(20), [0, 1], 2, Clock())
    began = time.monotonic()
    assert next(iter(each)) == (0, 0)
    del each
    assert time.monotonic() - began < 5
    release.set()


def test_a_wait_lasts_as_long_as_it_should_and_ends_when_the_work_is_stopped() -> None:
    clock = Clock()
    began = time.monotonic()
    clock.sleep(0.45)
    assert 0.45 <= time.monotonic() - began < 3
    threading.Timer(0.1, clock.stopped.set).start()
    with pytest.raises(StoppedError):
        clock.sleep(30)
    assert time.monotonic() - began < 10
