"""Seasonal naive: the price moves as it did over the same minutes a day earlier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from candlecast.distributions import Floats
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """There is nothing to learn but the spread, which every baseline learns."""
    del returns, rows, horizons
    return {}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """The log return over the same candles a day earlier.

    For a horizon of more than a day, as many days earlier as it takes. Where the segment does not
    reach so far back, or a day is no whole number of candles: no change.
    """
    del learned
    location = np.zeros((len(returns.values), len(horizons)))
    if returns.candles_a_day:
        price, age = np.cumsum(returns.values), returns.age
        for column, horizon in enumerate(horizons):
            season = returns.candles_a_day * -(-horizon // returns.candles_a_day)
            rows = np.flatnonzero(age >= season)
            location[rows, column] = price[rows - season + horizon] - price[rows - season]
    return Moments(location, np.ones((1, len(horizons))))
