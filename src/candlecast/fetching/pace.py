"""How fast an exchange may be asked: below its limit, and not at all while it says wait."""

from __future__ import annotations

import threading

import httpx

from candlecast.fetching.clock import Clock
from candlecast.fetching.statuses import server_date

WEIGHT_A_MINUTE = 6000
"""What Binance grants one address a minute, all its programs together."""

_OURS = 0.8  # of it, so that other programs on the same address live too
_USED = ("X-MBX-USED-WEIGHT-1M", "X-MBX-USED-WEIGHT")


class Pace:
    """When the next request may go out; several threads share one.

    Args:
        clock: What measures and waits.
        limit: The weight that may be used a minute.
    """

    def __init__(self, clock: Clock, limit: int = WEIGHT_A_MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._not_before = clock.now()

    def wait(self) -> None:
        """Wait for as long as nothing may be asked."""
        while (pause := self._pause_s()) > 0:  # meanwhile another's answer may hold us longer
            self._clock.sleep(pause)

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.now() + seconds)

    def note(self, headers: httpx.Headers) -> None:
        """Read how much is used; near the limit, hold until the server's minute is over."""
        used = next((headers[name] for name in _USED if name in headers), "")
        if used.isdecimal() and int(used) >= _OURS * self._limit:
            date = server_date(headers)
            self.hold(60.0 if date is None else 60.0 - date.second)

    def _pause_s(self) -> float:
        with self._lock:
            return self._not_before - self._clock.now()
