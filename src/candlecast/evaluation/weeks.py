"""Coverage week by week: whether a band holds at all times or only on average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candlecast.distributions import Floats

Ints = NDArray[np.int64]

DAY = 86_400_000_000
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""From the epoch, a Thursday, to the first Monday."""

WHOLE = 0.9
"""Of a week's candles: with fewer it is a part of a week."""

FEWEST = 100
"""Outcomes, and 10 times the horizon if that is more."""


@dataclass(frozen=True, eq=False)
class Weeks:
    """The whole calendar weeks, Monday to Sunday in UTC, that some outcomes fall into.

    Attributes:
        start: When each begins, µs since the epoch; shape [weeks].
        count: Outcomes in each; shape [weeks].
        place: The week of each outcome, -1 where that is not whole; shape [outcomes].
    """

    start: Ints
    count: Ints
    place: Ints

    @classmethod
    def of(cls, time: Ints, step: int, horizon: int) -> Weeks:
        """Find the whole weeks.

        Args:
            time: Open time of each target candle, µs since the epoch; shape [outcomes].
            step: From one candle to the next, µs.
            horizon: Candles ahead.
        """
        week, place, count = np.unique(
            (time - MONDAY) // WEEK, return_inverse=True, return_counts=True
        )
        whole = (count >= WHOLE * WEEK / step) & (count >= max(FEWEST, 10 * horizon))
        renamed = np.where(whole, np.cumsum(whole) - 1, -1)
        return cls(week[whole] * WEEK + MONDAY, count[whole], renamed[place])

    def coverage(self, inside: NDArray[np.bool_]) -> Floats:
        """The share of each week's outcomes that are inside their interval; shape [weeks]."""
        mine = self.place >= 0
        held = np.bincount(self.place[mine], inside[mine], len(self.start))
        return np.asarray(held / self.count)

    def worst(self, inside: NDArray[np.bool_], level: float) -> float | None:
        """How far coverage strays from its level in the worst week; None without a whole week."""
        if not len(self.start):
            return None
        return float(np.max(np.abs(self.coverage(inside) - level)))
