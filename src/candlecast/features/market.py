"""`Market`: the columns of one market as expressions, and what most features are made of."""

from __future__ import annotations

import math
from functools import cached_property

import polars as pl

LEAST_VOLATILITY = 1e-6
"""In log-return units. Where nothing moves, what is divided by volatility stays finite."""

LEAST_VOLUME = 1e-9
"""In coins, added to a mean volume, which may be 0."""

_VOLATILITY_CANDLES = 33.3

# A factor: Polars divides a single row by a constant otherwise than many, in the last bit.
_VARIANCE_OF_RANGE = 1 / (4 * math.log(2))


def ewm(values: pl.Expr, candles: float) -> pl.Expr:
    """The exponentially weighted mean up to and with each candle.

    A candle so many back weighs ``(1 - 1 / candles) ** back``, and all weights together are 1 from
    the first candle on. A candle without a value counts for nothing.
    """
    return values.ewm_mean(alpha=1 / candles, adjust=True, ignore_nulls=True)


def before(values: pl.Expr, candles: int) -> pl.Expr:
    """The value so many candles before, 0 where there is none so early."""
    return pl.when(pl.int_range(pl.len()) < candles).then(0.0).otherwise(values.shift(candles))


def root(variance: pl.Expr) -> pl.Expr:
    """The volatility of a variance, floored: rounding may have left the variance below 0."""
    return variance.clip(lower_bound=LEAST_VOLATILITY**2).sqrt()


class Market:
    """The columns of one market as expressions.

    Args:
        prefix: What its columns' names begin with: nothing for the market that is forecast,
            ``ETHUSDT:`` for another.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    def column(self, name: str) -> pl.Expr:
        """A column by the name that it has in the market's own candles."""
        return pl.col(self.prefix + name)

    @cached_property
    def log_open(self) -> pl.Expr:
        """The logarithm of the opening price."""
        return self.column("open").log()

    @cached_property
    def log_high(self) -> pl.Expr:
        """The logarithm of the highest price."""
        return self.column("high").log()

    @cached_property
    def log_low(self) -> pl.Expr:
        """The logarithm of the lowest price."""
        return self.column("low").log()

    @cached_property
    def log_close(self) -> pl.Expr:
        """The logarithm of the closing price."""
        return self.column("close").log()

    @cached_property
    def volume(self) -> pl.Expr:
        """Coins traded."""
        return self.column("volume")

    @cached_property
    def trades(self) -> pl.Expr:
        """How many trades there were."""
        return self.column("trades").cast(pl.Float64)

    @cached_property
    def returns(self) -> pl.Expr:
        """The log return from the close before; 0 at the first candle, null where there is none."""
        known = self.log_close.is_not_null()
        return pl.when(known).then(self.log_close.diff().fill_null(0.0))

    @cached_property
    def range_variance(self) -> pl.Expr:
        """The variance of a candle's log return as its range tells it.

        Source: Parkinson 1980, "The extreme value method for estimating the variance of the rate
        of return".
        """
        return (self.log_high - self.log_low) ** 2 * _VARIANCE_OF_RANGE

    @cached_property
    def squared_returns(self) -> pl.Expr:
        """Squared log returns; a segment's first candle, which has none, counts by its range.

        Were it 0, whatever is divided by volatility would stand far out there.
        """
        known = self.log_close.is_not_null()
        squared = (self.log_close.diff() ** 2).fill_null(self.range_variance)
        return pl.when(known).then(squared)

    @cached_property
    def volatility(self) -> pl.Expr:
        """The root of the exponentially weighted mean of squared log returns, floored."""
        return root(ewm(self.squared_returns, _VOLATILITY_CANDLES))


EWMA_VOLATILITY = Market().volatility
"""The volatility of one candle's log return, known at its close; above 0 everywhere."""
