"""`Span`: a stretch of open times, and the sums and differences of such stretches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """A stretch of open times: since ≤ open time < until, in UTC."""

    since: datetime
    until: datetime

    def candles(self, interval: timedelta) -> int:
        """How many candles of an interval fit in."""
        return (self.until - self.since) // interval


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same stretches in order, those that overlap or touch made one, empty ones left out."""
    whole: list[Span] = []
    for span in sorted(span for span in spans if span.since < span.until):
        if whole and span.since <= whole[-1].until:
            whole[-1] = Span(whole[-1].since, max(whole[-1].until, span.until))
        else:
            whole.append(span)
    return whole


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of some stretches when others are taken away."""
    left: list[Span] = []
    takers = joined(taken)
    place = 0
    for since, until in joined(spans):
        start = since
        while place < len(takers) and takers[place].until <= start:
            place += 1
        for taker in takers[place:]:
            if taker.since >= until:
                break
            left.append(Span(start, taker.since))
            start = taker.until
        left.append(Span(start, until))
    return [span for span in left if span.since < span.until]


def on_grid(span: Span, interval: timedelta, opened: datetime = _EPOCH) -> Span:
    """The span of the candles that open inside another, its ends moved up to their grid.

    Args:
        span: Any stretch.
        interval: The candles' interval.
        opened: Some open time of the grid.
    """
    return Span(*(moment + (opened - moment) % interval for moment in span))
