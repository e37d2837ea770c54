"""Estimators of volatility, from closes and from whole candles.

Sources: Parkinson 1980, "The extreme value method for estimating the variance of the rate of
return"; Garman and Klass 1980, "On the estimation of security price volatilities from historical
data"; Rogers and Satchell 1991, "Estimating variance from high, low and closing prices";
Barndorff-Nielsen and Shephard 2004, "Power and bipower variation with stochastic volatility and
jumps".
"""

from __future__ import annotations

import math

import polars as pl

from candlecast.features.market import Market, ewm, root

_RANGE_CANDLES = 10  # for the estimators that see the whole candle
_SLOW_CANDLES = 500
_OTHER_CANDLES = (10, 120, 1440, 5000)
_ABSOLUTE_CANDLES = (60, 1440)
_BIPOWER_CANDLES = 33.3
_REALISED_CANDLES = 60


def volatility_features(market: Market) -> dict[str, pl.Expr]:
    """The volatility of one candle's log return, and the logarithms of others' ratios to it."""
    squared, moves = market.squared_returns, market.squared_returns.sqrt()
    neighbours = moves * moves.shift(1).fill_null(moves)
    variances = {
        "volatility_ratio": ewm(squared, _SLOW_CANDLES),
        "realised_60": squared.rolling_mean(_REALISED_CANDLES, min_samples=1),
        "bipower": ewm(math.pi / 2 * neighbours, _BIPOWER_CANDLES),
        "parkinson": ewm(market.range_variance, _RANGE_CANDLES),
        "garman_klass": ewm(_garman_klass(market), _RANGE_CANDLES),
        "rogers_satchell": ewm(_rogers_satchell(market), _RANGE_CANDLES),
    }
    for candles in _OTHER_CANDLES:
        variances[f"volatility_ratio_{candles}"] = ewm(squared, candles)
    for candles in _ABSOLUTE_CANDLES:  # less moved by a single crash than squares are
        variances[f"absolute_ratio_{candles}"] = ewm(moves, candles) ** 2
    features = {"volatility": market.volatility, "log_volatility": market.volatility.log()}
    return features | {
        name: (root(variance) / market.volatility).log() for name, variance in variances.items()
    }


def _garman_klass(market: Market) -> pl.Expr:
    size = market.log_high - market.log_low
    body = market.log_close - market.log_open
    return (size**2 / 2 - (2 * math.log(2) - 1) * body**2).clip(lower_bound=0.0)


def _rogers_satchell(market: Market) -> pl.Expr:
    above = (market.log_high - market.log_close) * (market.log_high - market.log_open)
    below = (market.log_low - market.log_close) * (market.log_low - market.log_open)
    return (above + below).clip(lower_bound=0.0)
