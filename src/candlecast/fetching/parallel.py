"""Several downloads at once, and never more of them in memory than are under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from candlecast.fetching.clock import LISTEN_S, Clock

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    work: Callable[[T], R], items: Iterable[T], threads: int, clock: Clock
) -> Iterator[tuple[T, R]]:
    """Each item and what came of it, as they get done.

    The first error is raised and stops the others, as does whoever stops listening. Nobody waits
    for them then: a server may be silent for long, and what they bring is thrown away.
    """
    waiting = iter(items)
    ended: SimpleQueue[tuple[T, Future[R]]] = SimpleQueue()

    def carry_out(item: T) -> None:
        outcome: Future[R] = Future()
        try:
            outcome.set_result(work(item))
        except BaseException as error:
            outcome.set_exception(error)
        ended.put((item, outcome))

    def begin(count: int) -> int:
        """Start so many more, as far as there are any; how many those are."""
        started = [
            Thread(target=carry_out, args=(item,), daemon=True) for item in islice(waiting, count)
        ]
        for thread in started:
            thread.start()
        return len(started)

    running = begin(threads)
    try:
        while running:
            try:
                item, outcome = ended.get(timeout=LISTEN_S)
            except Empty:
                continue
            yield item, outcome.result()
            running += begin(1) - 1
    except BaseException:
        clock.stopped.set()
        raise
