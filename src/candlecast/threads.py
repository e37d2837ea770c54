"""How many threads torch's work is spread over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_before: ContextVar[int | None] = ContextVar("threads before one_thread", default=None)


@contextmanager
def one_thread() -> Iterator[None]:
    """Work on one thread inside.

    A small recurrent network does many small products one after the other. Two threads that wait
    for each other at each of them gain a little on a machine at rest, and on one that has anything
    else to do they lose a factor of ten.

    One thread also adds up in one order, so that the last bits of a result do not hang on the
    machine.
    """
    before = torch.get_num_threads()
    token = _before.set(workers())
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _before.reset(token)
        torch.set_num_threads(before)


def workers() -> int:
    """How many pieces of work may go on side by side: as many as torch's threads, as they were set.

    Inside `one_thread` they are those from before.
    """
    return _before.get() or torch.get_num_threads()
