"""The figures that features are made of, computed anew: plain loops over plain arrays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.features import compute_features

Values = NDArray[np.float64]


def values_of(candles: Candles, name: str) -> Values:
    """One feature."""
    return compute_features(candles, [name])[:, 0]


def column(candles: Candles, name: str) -> Values:
    """One column of the candles."""
    return candles.frame[name].to_numpy().astype(np.float64)


def ewm(values: Values, candles: float) -> Values:
    """The weighted mean up to each value, weights (1 - 1/candles) to the power of the age."""
    keep = 1 - 1 / candles
    total = weight = 0.0
    means = []
    for value in values:
        total, weight = total * keep + value, weight * keep + 1
        means.append(total / weight)
    return np.array(means)


def log_prices(candles: Candles) -> tuple[Values, Values, Values, Values]:
    """Open, high, low and close."""
    opened, high, low, closed = (
        np.log(column(candles, name)) for name in ("open", "high", "low", "close")
    )
    return opened, high, low, closed


def log_returns(candles: Candles) -> Values:
    """From the close before, 0 at the first."""
    return np.append(0.0, np.diff(np.log(column(candles, "close"))))


def squared_returns(candles: Candles) -> Values:
    """The first candle has no return and counts by Parkinson's variance."""
    _, high, low, _ = log_prices(candles)
    squared = log_returns(candles) ** 2
    squared[0] = (high[0] - low[0]) ** 2 / (4 * np.log(2))
    return squared


def volatility(candles: Candles) -> Values:
    """The yardstick, floored at 1e-6."""
    return np.maximum(np.sqrt(ewm(squared_returns(candles), 33.3)), 1e-6)


def candles_of(rows: int, **columns: object) -> Candles:
    """Candles of a market that stands still at 10, with some columns replaced."""
    still: dict[str, object] = {
        "time": [
            datetime(2021, 1, 1, tzinfo=UTC) + row * timedelta(minutes=1) for row in range(rows)
        ],
        **{name: [10.0] * rows for name in ("open", "high", "low", "close")},
        "volume": [1.0] * rows,
        "quote_volume": [10.0] * rows,
        "trades": [1] * rows,
        "taker_buy_volume": [0.5] * rows,
        "taker_buy_quote_volume": [5.0] * rows,
    }
    return Candles.from_frame(pl.DataFrame(still | columns), "BTCUSDT")
