"""Several downloads at once, and never more of them in memory than are under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from candlecast.fetching.clock import Clock

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    work: Callable[[T], R], items: Iterable[T], threads: int, clock: Clock
) -> Iterator[tuple[T, R]]:
    """Each item and what came of it, as they get done.

    The first error is raised and stops the others, as does whoever stops listening.
    """
    waiting = iter(items)
    running: dict[Future[R], T] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in islice(waiting, threads):
                running[pool.submit(work, item)] = item
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    yield running.pop(future), result
                    running.update((pool.submit(work, item), item) for item in islice(waiting, 1))
        except BaseException:
            clock.stopped.set()
            raise
