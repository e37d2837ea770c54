"""The candle itself: its prices, its size and its shape."""

from __future__ import annotations

import polars as pl

from candlecast.features.market import Market


def candle_features(market: Market) -> dict[str, pl.Expr]:
    """Features of one candle, in price, in logarithms, or in units of volatility."""
    opened, closed = market.log_open, market.log_close
    top, bottom = pl.max_horizontal(opened, closed), pl.min_horizontal(opened, closed)
    size = market.log_high - market.log_low
    centred = 2 * closed - market.log_high - market.log_low
    return {
        "open": market.column("open"),
        "high": market.column("high"),
        "low": market.column("low"),
        "close": market.column("close"),
        "log_range": (market.column("high") / market.column("low")).log(),
        "scaled_range": size / market.volatility,
        "close_location": pl.when(size == 0).then(0.0).otherwise(centred / size),
        "body": (closed - opened) / market.volatility,
        "upper_wick": (market.log_high - top) / market.volatility,
        "lower_wick": (bottom - market.log_low) / market.volatility,
        "opening_gap": (opened - closed.shift(1)).fill_null(0.0) / market.volatility,
    }
