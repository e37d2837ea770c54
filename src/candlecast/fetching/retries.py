"""Faults that pass by themselves: asked again, later and later, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeVar

from candlecast.errors import FetchError
from candlecast.fetching.clock import Clock

T = TypeVar("T")

TRIES = 6
"""How often one thing is asked for: with the waits between, for about a minute."""

_LONGEST_WAIT_S = 60.0


class PassingError(Exception):
    """A fault that may be gone when one asks again; it never leaves this room.

    Args:
        problem: What is wrong and where, in the user's words.
        advice: What to do if it does not pass.
        wait_s: How long the server asks to wait; None or nothing leaves it to us.
        tries: How often to ask in all before it counts as lasting.
    """

    def __init__(
        self, problem: str, advice: str, wait_s: float | None = None, tries: int = TRIES
    ) -> None:
        self.problem = problem
        self.advice = advice
        self.wait_s = wait_s
        self.tries = tries
        super().__init__(problem)


def persistently(work: Callable[[], T], clock: Clock) -> T:
    """Do work that may fail in passing, again and again.

    Raises:
        FetchError: If it fails as often in a row as its fault may.
    """
    for tried in count(1):
        try:
            return work()
        except PassingError as fault:
            if tried >= fault.tries:
                raise FetchError(
                    f"{fault.problem} ({tried} times in a row). {fault.advice} "
                    "What was fetched is kept; the same command goes on."
                ) from fault
            wait = fault.wait_s
        clock.sleep(wait or backoff_s(tried, clock))
    raise AssertionError  # counting does not end


def backoff_s(tried: int, clock: Clock) -> float:
    """Seconds to wait after so many failures: about 1, 2, 4, 8 …, each give or take a half."""
    wait = min(2.0 ** (tried - 1), _LONGEST_WAIT_S)
    return wait * (0.5 + clock.jitter())
