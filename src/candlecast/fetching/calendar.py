"""Stretches of open times cut into months, days and pieces, and what candles leave of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl

from candlecast.store.spans import Span

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floored(moment: datetime, interval: timedelta) -> datetime:
    """The last open time that is not after a moment."""
    return moment - (moment - _EPOCH) % interval


def ceiled(moment: datetime, interval: timedelta) -> datetime:
    """The first open time that is not before a moment."""
    return moment + (_EPOCH - moment) % interval


def whole_months(spans: Iterable[Span]) -> list[Span]:
    """The calendar months that lie wholly within one of the spans."""
    return [month for span in spans for month in _months(span) if _within(month, span)]


def whole_days(spans: Iterable[Span]) -> list[Span]:
    """The days that lie wholly within one of the spans."""
    return [day for span in spans for day in _days(span) if _within(day, span)]


def pieces(spans: Iterable[Span], longest: timedelta) -> list[Span]:
    """The spans cut at the edges of months, and no piece longer than this."""
    return [
        piece
        for span in spans
        for month in _months(span)
        for piece in _cut(Span(max(span.since, month.since), min(span.until, month.until)), longest)
    ]


def uncovered(times: pl.Series, span: Span, interval: timedelta) -> list[Span]:
    """What of a span no candle covers.

    Args:
        times: Open times within the span, sorted and on its grid.
        span: A stretch that begins at an open time.
        interval: The candles' interval.
    """
    opened = [span.since - interval, *times.to_list(), span.until]
    return [
        Span(last + interval, following)
        for last, following in pairwise(opened)
        if following - last > interval
    ]


def is_open_time(interval: timedelta) -> pl.Expr:
    """Whether `time` is an open time: a whole number of intervals since 1970."""
    return pl.col("time").dt.epoch("us") % (interval // timedelta(microseconds=1)) == 0


def _within(part: Span, whole: Span) -> bool:
    return whole.since <= part.since and part.until <= whole.until


def _months(span: Span) -> Iterator[Span]:
    """The months that a span touches."""
    since = span.since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while since < span.until:
        until = (since + timedelta(days=32)).replace(day=1)
        yield Span(since, until)
        since = until


def _days(span: Span) -> Iterator[Span]:
    """The days that a span touches."""
    since = span.since.replace(hour=0, minute=0, second=0, microsecond=0)
    while since < span.until:
        yield Span(since, since + _DAY)
        since += _DAY


def _cut(span: Span, longest: timedelta) -> Iterator[Span]:
    since = span.since
    while since < span.until:
        yield Span(since, min(since + longest, span.until))
        since += longest
