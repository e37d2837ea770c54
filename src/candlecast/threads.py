"""How many threads torch's work is spread over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

import torch

_lock = Lock()
_here = local()  # .depth: how many `one_thread` this thread of the program is inside of
_inside = 0  # how many there are at present, on all threads of the program
_outside = 1  # torch's threads, as they were set before the first of them


@contextmanager
def one_thread() -> Iterator[None]:
    """Work on one thread inside; may be used on several threads at once.

    A small recurrent network does many small products one after the other. Two threads that wait
    for each other at each of them gain a little on a machine at rest, and on one that has anything
    else to do they lose a factor of ten.

    One thread also adds up in one order, so that the last bits of a result do not hang on the
    machine.
    """
    global _inside, _outside
    with _lock:
        if not _inside:
            _outside = torch.get_num_threads()
        _inside += 1
    _here.depth = getattr(_here, "depth", 0) + 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _here.depth -= 1
        with _lock:
            _inside -= 1
            if not _here.depth:
                torch.set_num_threads(_outside)


def workers() -> int:
    """How many pieces of work may go on side by side: as many as torch's threads, as they were set.

    Inside `one_thread` they are those from before.
    """
    with _lock:
        return _outside if _inside else torch.get_num_threads()
