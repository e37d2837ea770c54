"""How many threads torch's work is spread over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
