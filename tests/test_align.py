"""Markets on one clock: every candle at its time, nothing from the future, nothing filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.align import align
from candlecast.candles import Candles
from candlecast.errors import InputError

SHARED = Path(__file__).parents[2] / "shared"
MINUTE = timedelta(minutes=1)
START = datetime(2021, 1, 1, tzinfo=UTC)


def market(minutes: set[int], price: float) -> Candles:
    places = sorted(minutes)
    prices = [price + place for place in places]
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), prices)
    table = pl.DataFrame({"time": [START + place * MINUTE for place in places], **columns})
    return Candles.from_frame(table, "X", MINUTE)


MINUTES = st.sets(st.integers(0, 40), min_size=1, max_size=30)


@settings(max_examples=50)
@given(MINUTES, MINUTES)
def test_every_candle_stands_at_its_time_and_all_else_is_null(one: set[int], two: set[int]) -> None:
    table = align({"A": market(one, 100), "B": market(two, 200)}).collect()
    first, last = min(one | two), max(one | two)
    assert table["time"].to_list() == [START + place * MINUTE for place in range(first, last + 1)]
    for name, has, price in (("A", one, 100), ("B", two, 200)):
        expected = [price + n if n in has else None for n in range(first, last + 1)]
        assert table[f"{name}:close"].to_list() == expected


def test_the_past_stays_as_it_is_whatever_comes() -> None:
    one, two = market({*range(30)}, 100), market({*range(5, 30)} - {12, 13}, 200)
    whole = align({"A": one, "B": two}).collect()
    cut = START + 20 * MINUTE
    early = align({"A": one.between(None, cut), "B": two.between(None, cut)}).collect()
    assert whole.head(20).equals(early)


def test_twenty_coins_with_different_starts_share_one_clock() -> None:
    files = sorted((SHARED / "data" / "coins").glob("*.parquet"))
    if not files:
        pytest.skip("the coins are not at hand: they are read from ../shared and never copied")
    coins = {_symbol(file): Candles.from_frame(pl.read_parquet(file), "X") for file in files}
    table = align(coins).collect()
    assert len(coins) == 20
    assert np.all(np.diff(table["time"].to_physical().to_numpy()) == 60_000_000)
    for symbol, candles in coins.items():
        own = table.filter(pl.col(f"{symbol}:close").is_not_null())
        assert own["time"].equals(candles.frame["time"])
        assert own[f"{symbol}:volume"].equals(candles.frame["volume"].alias(f"{symbol}:volume"))


def _symbol(file: Path) -> str:
    return file.name.split("_")[0]


def test_clocks_that_differ_are_refused() -> None:
    one = market({*range(30)}, 100)
    with pytest.raises(InputError, match=r"candles of A are 1m and those of B 5m\. Resample"):
        align({"A": one, "B": one.resample(5 * MINUTE)})
    later = one.frame.with_columns(pl.col("time") + timedelta(seconds=20))
    with pytest.raises(InputError, match="They share no clock"):
        align({"A": one, "B": Candles.from_frame(later, "X")})
    with pytest.raises(InputError, match="no candles to align of nothing"):
        align({})
    with pytest.raises(InputError, match="no candles to align of B"):
        align({"A": one, "B": one.between(START - MINUTE, START)})
