"""Coarser candles are those of another library, on any grid and with any holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from candlecast.candles import Candles
from candlecast.intervals import interval_text
from candlecast.simulate import simulate

START = datetime(2021, 1, 1, 22, 10, tzinfo=UTC)  # a Friday
MINUTE = timedelta(minutes=1)
SIMULATED = simulate(rows=4000, start=START, symbol="X", interval=5 * MINUTE).candles


def by_polars(candles: Candles, interval: timedelta) -> pl.DataFrame:
    """Left-labelled buckets as Polars makes them, and how many candles each was made of."""
    sums = [name for name in candles.frame.columns if "volume" in name or name == "trades"]
    return candles.frame.group_by_dynamic("time", every=interval_text(interval)).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col(sums).sum(),
        pl.len().cast(pl.Int64).alias("candles"),
    )


@settings(max_examples=40)
@given(
    multiple=st.sampled_from([2, 3, 6, 12, 48, 144, 288, 2016]),
    holes=st.lists(st.tuples(st.integers(0, 3990), st.integers(1, 700)), max_size=4),
)
def test_buckets_are_those_of_another_library(multiple: int, holes: list[tuple[int, int]]) -> None:
    gone = {place for first, count in holes for place in range(first, first + count)}
    rows = pl.Series([place not in gone for place in range(len(SIMULATED))])
    candles = Candles(SIMULATED.frame.filter(rows), "X", SIMULATED.interval)
    interval = multiple * candles.interval
    expected = by_polars(candles, interval)
    assert_frame_equal(candles.resample(interval, "mark").frame, expected)
    whole = expected.filter(candles=multiple).drop("candles")
    assert_frame_equal(candles.resample(interval).frame, whole)


def test_the_future_changes_no_whole_bucket() -> None:
    hours = SIMULATED.resample(timedelta(hours=1)).frame
    for rows in range(20, 60):
        early = Candles(SIMULATED.frame.head(rows), "X", SIMULATED.interval)
        assert_frame_equal(early.resample(timedelta(hours=1)).frame, hours.head((rows - 10) // 12))


def test_a_value_that_one_candle_lacks_is_not_known_of_its_bucket() -> None:
    counts = pl.Series("trades", [1, 2, 3, None, None, None], pl.Int64)
    six = SIMULATED.frame.slice(10, 6).with_columns(counts)
    candles = Candles.from_frame(six, "X")
    for interval, trades in ((10, [3, None, None]), (15, [6, None]), (30, [None])):
        assert candles.resample(interval * MINUTE, "mark").frame["trades"].to_list() == trades


def test_of_no_candles_come_none() -> None:
    none = SIMULATED.between(START - MINUTE, START)
    assert len(none.resample(timedelta(hours=1))) == 0
