"""Candles whose values tell their time, for the store's tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from candlecast.candles import Candles

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
START = datetime(2021, 1, 30, tzinfo=UTC)


def hourly(places: Iterable[int], symbol: str = "BTCUSDT", **columns: list[object]) -> Candles:
    """Candles so many hours after `START`; each one's prices follow from its place alone."""
    places = sorted(places)
    close = [100.0 + place % 7 for place in places]
    table = {
        "time": [START + place * HOUR for place in places],
        "open": close,
        "high": [price + 10 for price in close],
        "low": [price - 10 for price in close],
        "close": close,
        "volume": [float(place) for place in places],
    }
    return Candles.from_frame(pl.DataFrame(table | columns), symbol, HOUR)


def with_close(candles: Candles, row: int, close: float) -> Candles:
    """The same candles with another close in one row."""
    table = candles.frame.with_row_index("row")
    prices = [pl.when(pl.col("row") == row).then(close).otherwise(pl.col("close")).alias("close")]
    return Candles.from_frame(table.with_columns(prices), candles.symbol, candles.interval)
