"""Small networks work on one thread, and whoever called them gets back what there was."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread

import pytest
import torch

from candlecast.threads import one_thread, workers


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """More threads than one around the test, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_there_is_one_thread_inside_and_as_many_as_before_after_it() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_an_error_inside_comes_out_and_the_threads_are_given_back() -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert torch.get_num_threads() == 3


def test_two_at_once_leave_the_program_s_threads_as_they_were() -> None:
    inside, leave = Barrier(2), Barrier(2)
    seen: list[tuple[int, int]] = []

    def work() -> None:
        with one_thread():
            inside.wait()
            seen.append((torch.get_num_threads(), workers()))
            leave.wait()
        seen.append((torch.get_num_threads(), workers()))

    both = [Thread(target=work) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(seen) == [(1, 3), (1, 3), (3, 3), (3, 3)]
    fresh: list[int] = []
    last = Thread(target=lambda: fresh.append(torch.get_num_threads()))
    last.start()
    last.join()
    assert fresh == [3]
