"""How the close moved, over one candle and over many."""

from __future__ import annotations

import math

import polars as pl

from candlecast.features.market import Market, ewm

MOMENTUM = (3, 5, 15, 60)
"""Candles that a momentum reaches back over."""

_DEVIATION = (5, 20, 60, 240)


def return_features(market: Market) -> dict[str, pl.Expr]:
    """Changes of the close, in price, in logarithms, or in units of volatility."""
    close = market.column("close")
    features = {
        "close_change": close.diff().fill_null(0.0),
        "log_return": close.log().diff().fill_null(0.0),
        "scaled_return": market.returns / market.volatility,
    }
    features |= {f"momentum_{candles}": _momentum(market, candles) for candles in MOMENTUM}
    features |= {f"deviation_{candles}": _deviation(market, candles) for candles in _DEVIATION}
    return features


def _momentum(market: Market, candles: int) -> pl.Expr:
    """The log return over so many candles, over what a random walk's would be."""
    change = market.log_close.diff(candles).fill_null(0.0)
    return change / (market.volatility * math.sqrt(candles))


def _deviation(market: Market, candles: int) -> pl.Expr:
    """How far the log close stands above its exponentially weighted mean."""
    above = market.log_close - ewm(market.log_close, candles)
    return above / (market.volatility * math.sqrt(candles))
