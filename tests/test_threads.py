"""Small networks work on one thread, and whoever called them gets back what there was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from candlecast.threads import one_thread


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
