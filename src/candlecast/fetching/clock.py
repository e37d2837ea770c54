"""Time that passes while candles are fetched: waiting, how long it took, and being stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

LISTEN_S = 0.2
"""How long to wait at a time: once Polars has run, Ctrl-C no longer ends a wait for a lock."""


class StoppedError(Exception):
    """The work as a whole was stopped while this part was under way; it never leaves this room."""


@dataclass(frozen=True)
class Clock:
    """What passes time, one for a fetch. It says nothing of the date: that the exchange says.

    Attributes:
        now: Seconds since some moment; they only grow.
        jitter: A number from 0 to 1, so that many who failed together do not return together.
        pause: Passes so many seconds; None waits for them, or until the work is stopped.
        stopped: Whether the work was stopped; threads then end at their next step.
    """

    now: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = np.random.default_rng().random
    pause: Callable[[float], object] | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def sleep(self, seconds: float) -> None:
        """Wait; a `StoppedError` ends the wait early."""
        self.check()
        (self.pause or self._wait)(seconds)
        self.check()

    def _wait(self, seconds: float) -> None:
        """Wait in short steps, so that Ctrl-C is heard; less if the work is stopped."""
        ends = self.now() + seconds
        while (left := ends - self.now()) > 0 and not self.stopped.wait(min(left, LISTEN_S)):
            pass

    def check(self) -> None:
        """Raise a `StoppedError` if the work was stopped."""
        if self.stopped.is_set():
            raise StoppedError
