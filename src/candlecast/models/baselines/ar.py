"""AR: a linear autoregression of the log returns, of the order that BIC prefers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from candlecast.distributions import Floats
from candlecast.errors import CandlecastError
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters

MOST_LAGS = 10


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """Constant and coefficients by least squares, the order by BIC (Schwarz 1978).

    Raises:
        CandlecastError: If the returns do not vary, or there are too few of them.
    """
    del horizons
    inputs = _lags(returns, MOST_LAGS)[rows.start : rows.stop - 1]
    targets = returns.values[rows.start + 1 : rows.stop]
    whole = (returns.age[rows.start + 1 : rows.stop] > MOST_LAGS) & np.isfinite(targets)
    inputs, targets = inputs[whole], targets[whole]
    if len(targets) < 10 * MOST_LAGS or np.ptp(targets) == 0:
        raise CandlecastError(
            f"ar needs {10 * MOST_LAGS} returns that vary, without a gap before them; there are "
            f"{len(targets)}. Give more candles."
        )
    products, against = inputs.T @ inputs, inputs.T @ targets
    square = float(targets @ targets)
    fits = []
    for size in range(1, MOST_LAGS + 2):
        coefficients = np.linalg.solve(products[:size, :size], against[:size])
        error = (square - float(coefficients @ against[:size])) / len(targets)
        bic = len(targets) * math.log(max(error, 1e-300)) + size * math.log(len(targets))
        fits.append((bic, np.asarray(coefficients, dtype=np.float64)))
    return {"coefficients": min(fits, key=lambda fit: fit[0])[1]}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """The sum of the forecasts up to the horizon, at all times with the same spread."""
    coefficients = learned["coefficients"]
    weights = np.stack([_summed(coefficients, horizon) for horizon in horizons], axis=1)
    lags = _lags(returns, len(coefficients) - 1)
    return Moments(lags @ weights, np.ones((1, len(horizons))))


def _lags(returns: Returns, count: int) -> Floats:
    """A column of ones, then the last `count` returns, newest first; 0 before the segment."""
    columns, age = np.zeros((len(returns.values), count + 1)), returns.age
    columns[:, 0] = 1.0
    for lag in range(count):
        columns[lag:, lag + 1] = returns.values[: max(len(age) - lag, 0)]
        columns[age < lag, lag + 1] = 0.0
    return columns


def _summed(coefficients: Floats, horizon: int) -> Floats:
    """Weights of [1, last returns] in the forecast of the sum of the next `horizon` returns."""
    order = len(coefficients) - 1
    step = np.zeros((order + 1, order + 1))  # maps [1, returns] to the same one candle later
    step[0, 0] = 1.0
    if order:
        step[1] = coefficients
        step[np.arange(2, order + 1), np.arange(1, order)] = 1.0
    state, total = np.eye(order + 1), np.zeros(order + 1)
    for _ in range(horizon):
        total += coefficients @ state
        state = step @ state
    return total
