"""`Candles` keeps its promises: sorted, unique, valid, and clear about what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.candles import Candles
from candlecast.errors import CandleError, InputError
from candlecast.intervals import interval_text, parse_interval

MINUTE = timedelta(minutes=1)
START = datetime(2021, 1, 1, tzinfo=UTC)


ODD: Any = [1, "a", None, 2.0, {}]
ODD_PARTIAL: Any = "keep"


def table(rows: int = 5, **changed: object) -> pl.DataFrame:
    """Valid candles, with some columns replaced."""
    columns: dict[str, object] = {
        "time": [START + row * MINUTE for row in range(rows)],
        "open": [10.0] * rows,
        "high": [12.0] * rows,
        "low": [9.0] * rows,
        "close": [11.0] * rows,
        "volume": [1.0] * rows,
    }
    return pl.DataFrame(columns | changed)


def with_cell(column: str, row: int, value: object) -> pl.DataFrame:
    """Valid candles with one cell replaced."""
    frame = table()
    values: list[object] = frame[column].to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values, strict=False))


def test_a_frame_comes_back_as_it_was_given() -> None:
    frame = table()
    candles = Candles.from_frame(frame, "BTCUSDT")
    assert candles.to_polars().equals(frame.cast({"time": pl.Datetime("us", "UTC")}))
    assert candles.interval == MINUTE
    assert (candles.first, candles.last) == (START, START + 4 * MINUTE)
    assert "BTCUSDT 1m, 5 rows" in repr(candles)


def test_newest_first_is_turned_around() -> None:
    given_order = Candles.from_frame(table().reverse(), "BTCUSDT")
    assert given_order.to_polars().equals(Candles.from_frame(table(), "BTCUSDT").to_polars())


def test_pandas_goes_in_by_column_or_index_and_comes_out_again() -> None:
    candles = Candles.from_frame(table(), "BTCUSDT")
    pandas = candles.to_pandas()
    for frame in (pandas, pandas.set_index("time"), pandas.set_index("time").tz_localize(None)):
        assert Candles.from_frame(frame, "BTCUSDT").sha256 == candles.sha256


def test_naive_times_are_utc_and_other_zones_are_converted() -> None:
    naive = table().with_columns(pl.col("time").dt.replace_time_zone(None))
    santiago = table().with_columns(pl.col("time").dt.convert_time_zone("America/Santiago"))
    assert Candles.from_frame(naive, "X").first == START
    assert Candles.from_frame(santiago, "X").first == START


def test_other_columns_are_left_out_and_known_ones_are_typed() -> None:
    frame = table(trades=[1.0] * 5, colour=["red"] * 5, close=[11] * 5)
    columns = Candles.from_frame(frame, "X").to_polars().schema
    assert "colour" not in columns
    assert columns["trades"] == pl.Int64
    assert columns["close"] == pl.Float64


@pytest.mark.parametrize(
    ("frame", "message", "row"),
    [
        (table().drop("close", "low"), "missing columns low, close", None),
        (table().clear(), "no rows", None),
        (table(1), "a single row does not tell the interval", None),
        (with_cell("close", 2, None), "close is missing", 2),
        (with_cell("close", 2, float("nan")), "close is not a finite number", 2),
        (with_cell("volume", 3, float("inf")), "volume is not a finite number", 3),
        (with_cell("close", 1, "eleven"), "'eleven' in column close is not a number", 1),
        (with_cell("low", 4, 10.5), "low is above open", 4),
        (with_cell("high", 4, 10.5), "high is below close", 4),
        (with_cell("low", 0, 0.0), "low is not above 0", 0),
        (with_cell("volume", 1, -1.0), "volume is negative", 1),
        (with_cell("time", 2, START), "breaks the time order", 2),
        (with_cell("time", 2, START + MINUTE), "stands twice", 2),
        (with_cell("time", 4, START + timedelta(seconds=290)), "off the 1m grid", 4),
        (table(time=[1, 2, 3, 4, 5]), "not date-times", None),
    ],
)
def test_a_broken_rule_is_named_with_its_row(
    frame: pl.DataFrame, message: str, row: int | None
) -> None:
    with pytest.raises(CandleError, match=message) as caught:
        Candles.from_frame(frame, "BTCUSDT")
    assert caught.value.row == row


def test_the_row_of_an_off_grid_time_is_counted_as_given_also_newest_first() -> None:
    frame = with_cell("time", 4, START + timedelta(seconds=290)).reverse()
    with pytest.raises(CandleError, match="grid") as caught:
        Candles.from_frame(frame, "X")
    assert caught.value.row == 0


def test_a_zone_of_a_fixed_offset_is_converted() -> None:
    pandas = Candles.from_frame(table(), "X").to_pandas()
    shifted = pandas.assign(time=pandas["time"].dt.tz_convert("+05:30"))
    assert Candles.from_frame(shifted, "X").first == START
    assert Candles.from_frame(shifted.set_index("time"), "X").first == START


def test_an_odd_column_beside_the_known_ones_does_no_harm() -> None:
    pandas = Candles.from_frame(table(), "X").to_pandas()
    odd = pandas.assign(note=ODD)
    assert len(Candles.from_frame(odd, "X")) == 5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"close": ODD}, "column close cannot be read"),
        ({"close": True}, "column close holds Boolean. Give numbers"),
        ({"close": pd.Timedelta(1, "s")}, "column close holds Duration"),
        ({"close": pd.Categorical(["a"] * 5)}, "column close holds Categorical"),
        ({"trades": 5.7}, "'5.7' in column trades is not a whole number"),
    ],
)
def test_a_pandas_column_of_the_wrong_type_is_named(changed: dict[str, Any], message: str) -> None:
    pandas = Candles.from_frame(table(), "X").to_pandas()
    with pytest.raises(CandleError, match=message):
        Candles.from_frame(pandas.assign(**changed), "X")


def test_a_pandas_frame_without_times_or_with_a_column_twice_is_named() -> None:
    pandas = Candles.from_frame(table(), "X").to_pandas()
    with pytest.raises(CandleError, match="missing column time"):
        Candles.from_frame(pandas.rename(columns={"time": "date"}), "X")
    with pytest.raises(CandleError, match="column 'close' stands twice"):
        Candles.from_frame(pd.concat([pandas, pandas[["close"]]], axis=1), "X")


def test_times_beyond_all_calendars_are_refused() -> None:
    far = pl.Series("time", [2**62] * 5).cast(pl.Datetime("ms"))
    with pytest.raises(CandleError, match="time is missing"):
        Candles.from_frame(table().with_columns(far), "X")


@pytest.mark.parametrize(
    "interval", [timedelta(0), timedelta(minutes=-1), timedelta(milliseconds=500), "1m"]
)
def test_an_interval_that_is_none_is_refused(interval: Any) -> None:
    with pytest.raises(InputError, match="the interval is"):
        Candles.from_frame(table(), "X", interval)


def test_anything_but_a_frame_is_refused() -> None:
    with pytest.raises(InputError, match="not list"):
        Candles.from_frame(ODD, "X")


def test_gaps_and_segments_say_what_is_missing(gappy_candles: Candles) -> None:
    assert gappy_candles.gaps["missing"].to_list() == [10, 1]
    assert gappy_candles.missing == 11
    assert gappy_candles.segments == [range(300), range(300, 600), range(600, 889)]
    assert np.bincount(gappy_candles.segment_ids).tolist() == [300, 300, 289]


def test_without_gaps_there_is_one_segment(candles: Candles) -> None:
    assert candles.gaps.is_empty()
    assert candles.segments == [range(900)]


def test_between_takes_the_start_and_leaves_the_end() -> None:
    candles = Candles.from_frame(table(), "X")
    assert candles.between(START + MINUTE, START + 3 * MINUTE).frame.height == 2
    assert len(candles.between(None, None)) == 5
    naive = START.replace(tzinfo=None)
    assert len(candles.between(naive + MINUTE, naive + 2 * MINUTE)) == 1


def test_resampling_keeps_whole_buckets_only(gappy_candles: Candles) -> None:
    coarse = gappy_candles.resample(timedelta(minutes=5))
    by_time = {row["time"]: row for row in gappy_candles.frame.to_dicts()}
    for bucket in coarse.frame.to_dicts():
        minutes = [by_time[bucket["time"] + place * MINUTE] for place in range(5)]
        assert bucket["time"].minute % 5 == 0
        assert bucket["open"] == minutes[0]["open"]
        assert bucket["high"] == max(minute["high"] for minute in minutes)
        assert bucket["low"] == min(minute["low"] for minute in minutes)
        assert bucket["close"] == minutes[-1]["close"]
        assert bucket["volume"] == pytest.approx(sum(minute["volume"] for minute in minutes))
    # Of 180 buckets the hole of 10 whole minutes takes 2, and the single minute 1.
    assert len(coarse) == 177
    with pytest.raises(InputError, match="whole multiple"):
        coarse.resample(timedelta(minutes=7))


def test_partial_buckets_can_be_kept_and_are_marked(gappy_candles: Candles) -> None:
    coarse = gappy_candles.resample(timedelta(minutes=5), partial="mark")
    counts = coarse.frame["candles"]
    dropped = gappy_candles.resample(timedelta(minutes=5)).frame
    assert coarse.frame.filter(pl.col("candles") == 5).drop("candles").equals(dropped)
    minutes = gappy_candles.frame.group_by(pl.col("time").dt.truncate("5m")).len().sort("time")
    assert counts.to_list() == minutes["len"].to_list()
    assert counts.sum() == len(gappy_candles)
    assert coarse.frame["volume"].sum() == pytest.approx(gappy_candles.frame["volume"].sum())
    # The hole of a single minute leaves a bucket of four.
    assert sorted(set(counts)) == [4, 5]
    with pytest.raises(InputError, match="Resample the finer ones"):
        coarse.resample(timedelta(minutes=10))
    assert set(gappy_candles.resample(MINUTE, "mark").frame["candles"]) == {1}
    with pytest.raises(InputError, match="partial is 'keep'"):
        gappy_candles.resample(timedelta(minutes=5), ODD_PARTIAL)


def test_stretches_are_the_candles_between_the_gaps(gappy_candles: Candles) -> None:
    stretches = list(gappy_candles.stretches())
    assert [len(stretch) for stretch in stretches] == [300, 300, 289]
    assert all(stretch.gaps.is_empty() for stretch in stretches)
    assert pl.concat(each.frame for each in stretches).equals(gappy_candles.frame)
    assert [len(stretch) for stretch in gappy_candles.stretches(at_least=300)] == [300, 300]


def test_weeks_start_on_monday() -> None:
    days = [datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(20)]
    daily = Candles.from_frame(table(20, time=days), "X")
    weekly = daily.resample(timedelta(weeks=1))
    assert weekly.frame["time"].to_list() == [
        datetime(2021, 1, 4, tzinfo=UTC),
        datetime(2021, 1, 11, tzinfo=UTC),
    ]
    assert weekly.frame["volume"].to_list() == [7.0, 7.0]


def test_candles_off_the_edges_of_a_bucket_are_not_put_in_it() -> None:
    times = [START + timedelta(minutes=2 + 5 * place) for place in range(9)]
    candles = Candles.from_frame(table(9, time=times), "X")
    with pytest.raises(InputError, match=r"open at 00:02:00 and every 5m .* share no edges"):
        candles.resample(timedelta(minutes=15))


def test_times_in_the_wrong_unit_are_refused() -> None:
    milliseconds = pl.Series("time", [1_609_459_200_000 + 60_000 * row for row in range(5)])
    for wrong in (pl.from_epoch(milliseconds, "s"), pl.from_epoch(-milliseconds, "s")):
        with pytest.raises(CandleError, match=r"lies outside the years .* Is its unit right"):
            Candles.from_frame(table().with_columns(wrong), "X")


@pytest.mark.parametrize("symbol", ["", None, 3])
def test_a_symbol_is_a_name(symbol: Any) -> None:
    with pytest.raises(InputError, match="the symbol is"):
        Candles.from_frame(table(), symbol)


def test_the_hash_is_of_the_content() -> None:
    candles = Candles.from_frame(table(), "X")
    assert candles.sha256 == Candles.from_frame(table().reverse(), "X").sha256
    assert candles.sha256 != Candles.from_frame(with_cell("close", 2, 11.5), "X").sha256
    assert candles.sha256 != Candles.from_frame(table(), "Y").sha256


@given(st.integers(1, 10_000), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_an_interval_is_read_as_it_is_written(count: int, unit: str) -> None:
    interval = parse_interval(f"{count}{unit}")
    assert parse_interval(interval_text(interval)) == interval


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1 minute", "1M", "1.5h"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not an interval"):
        parse_interval(text)
