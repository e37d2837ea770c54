"""EWMA-t: no change, with a volatility that forgets at a constant rate (RiskMetrics 1996)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from candlecast.distributions import SMALLEST_SCALE, Floats
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters

DECAY = 0.97
"""The share of the variance that is kept from candle to candle."""


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """The mean square, from which the variance starts."""
    del horizons
    mean_square = np.mean(returns.within(rows) ** 2)
    return {"mean_square": np.array([max(mean_square, SMALLEST_SCALE**2)])}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """The decayed mean square of the past returns, times the horizon."""
    start = float(learned["mean_square"][0])
    squares = np.where(returns.age > 0, returns.values**2, start)
    variance = returns.decayed((1 - DECAY) * squares, DECAY, start)
    return Moments(
        np.zeros((1, len(horizons))),
        variance[:, None] * np.asarray(horizons, dtype=np.float64),
    )
