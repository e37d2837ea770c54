"""A span's candles page by page, whatever order, length and overlap the pages have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from candlecast.fetching.calendar import floored
from candlecast.store.spans import Span

AskPage = Callable[[datetime, datetime], pl.DataFrame | None]
"""Asks for candles from a moment on, up to another or beyond: a sorted page, or None if none."""


def unless_twice_empty(ask: Callable[[], pl.DataFrame | None]) -> pl.DataFrame | None:
    """A page that has candles; that there are none is believed when it is said twice."""
    first = ask()
    return ask() if first is None else first


def read_pages(ask: AskPage, span: Span, interval: timedelta, length: int) -> pl.DataFrame | None:
    """All candles of a span, sorted, each once.

    Where a page is empty, the next is asked for a full page later.

    Args:
        ask: Asks for one page.
        span: What is wanted.
        interval: The candles' interval.
        length: How many candles a full page has.
    """
    parts = []
    start = span.since
    while start < span.until:
        page = ask(start, span.until)
        if page is None:
            start += length * interval
            continue
        parts.append(page)
        start = floored(page["time"][-1], interval) + interval
    return pl.concat(parts) if parts else None
