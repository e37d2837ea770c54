"""What a forecast would have been worth to a trader who pays for every trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.forecast import Forecast

_BASIS_POINTS = 1e4


@dataclass(frozen=True)
class Backtest:
    """A position of one unit, long, short or none, held from each origin for one candle.

    Attributes:
        candles: Origins whose next candle came.
        trades: Sides traded: 1 to open or close a position, 2 to turn it round.
        invested: The share of candles with a position.
        gross_bp: What the positions earned in all, before costs, in basis points of log return.
        cost_bp: What one side cost: fee and half the spread, in basis points.
    """

    candles: int
    trades: int
    invested: float
    gross_bp: float
    cost_bp: float

    @property
    def net_bp(self) -> float:
        """What is left of it after costs."""
        return self.gross_bp - self.trades * self.cost_bp

    @property
    def break_even_bp(self) -> float:
        """The cost of a side at which nothing would be left; NaN without a trade."""
        return self.gross_bp / self.trades if self.trades else float("nan")


def backtest(forecast: Forecast, cost_bp: float, threshold_bp: float = 0.0) -> Backtest:
    """Hold one unit in the direction of the forecast, or nothing where it says too little.

    Every trade is at the origin's close, in any size and at once: that is more than a market
    grants, so the result is an upper bound.

    Args:
        forecast: Of the next candle among others; its origins in time order.
        cost_bp: Fee and half the spread for each side, in basis points.
        threshold_bp: No position where the forecast return is not larger than this.

    Raises:
        InputError: If the next candle is not forecast, or no outcome is known.
    """
    if 1 not in forecast.horizons:
        raise InputError("a backtest holds for one candle, and horizon 1 is not forecast.")
    place = forecast.horizons.index(1)
    came = forecast.actual_return[:, place]
    known = np.isfinite(came)
    if not known.any():
        raise InputError("no outcome is known: there is nothing to test on.")
    said = np.nan_to_num(forecast.mean_return[known, place]) * _BASIS_POINTS
    position = np.where(np.abs(said) > threshold_bp, np.sign(said), 0.0)
    return Backtest(
        candles=int(known.sum()),
        trades=_sides(position),
        invested=float(np.mean(position != 0)),
        gross_bp=float(position @ came[known]) * _BASIS_POINTS,
        cost_bp=cost_bp,
    )


def _sides(position: Floats) -> int:
    """How many sides are traded to hold these positions, from nothing and back to it."""
    return int(np.abs(np.diff(position, prepend=0.0, append=0.0)).sum())
