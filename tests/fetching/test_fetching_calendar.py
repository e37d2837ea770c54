"""Spans are cut into months and days, and what candles leave uncovered is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.fetching.calendar import pieces, uncovered, whole_days, whole_months
from candlecast.store.spans import Span, joined, without

MINUTE = timedelta(minutes=1)
START = datetime(2023, 11, 20, tzinfo=UTC)

spans = st.tuples(st.integers(0, 200_000), st.integers(1, 200_000)).map(
    lambda ends: Span(START + ends[0] * MINUTE, START + sum(ends) * MINUTE)
)


@settings(max_examples=50)
@given(spans)
def test_months_and_days_are_whole_and_lie_within(span: Span) -> None:
    months, days = whole_months([span]), whole_days([span])
    assert without(months, [span]) == without(days, [span]) == []
    for month in months:
        assert month.since.day == month.until.day == 1
        assert 28 <= (month.until - month.since).days <= 31
    assert all(day.until - day.since == timedelta(days=1) for day in days)
    rest = without([span], days)
    assert all(each.until - each.since < timedelta(days=2) for each in rest), "a part of two days"
    assert without(months, days) == []


@settings(max_examples=50)
@given(spans, st.integers(2_000, 100_000))
def test_pieces_cover_the_span_once_and_stay_within_months(span: Span, longest: int) -> None:
    cut = pieces([span], longest * MINUTE)
    assert joined(cut) == [span]
    assert sum((each.until - each.since for each in cut), timedelta()) == span.until - span.since
    for each in cut:
        assert each.until - each.since <= longest * MINUTE
        assert (each.until - timedelta(microseconds=1)).month == each.since.month


@given(st.sets(st.integers(0, 59)))
def test_covered_and_uncovered_make_the_span(minutes: set[int]) -> None:
    span = Span(START, START + 60 * MINUTE)
    times = [START + minute * MINUTE for minute in sorted(minutes)]
    column = pl.Series("time", times, pl.Datetime("us", "UTC"))
    expected = without([span], [Span(time, time + MINUTE) for time in times])
    assert uncovered(column, span, MINUTE) == expected
