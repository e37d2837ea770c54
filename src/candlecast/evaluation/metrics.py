"""Metrics of point forecasts. Each takes arrays of one shape and returns one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASIS_POINTS = 10_000.0


def mse(forecast: Floats, actual: Floats) -> float:
    """Mean squared error."""
    return float(np.mean((forecast - actual) ** 2))


def rmse(forecast: Floats, actual: Floats) -> float:
    """Root mean squared error."""
    return float(np.sqrt(mse(forecast, actual)))


def mae(forecast: Floats, actual: Floats) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(forecast - actual)))


def skill(mse_model: float, mse_persistence: float) -> float | None:
    """1 - MSE / MSE of persistence (Murphy 1988): above 0 beats "no change"; None if both are 0."""
    return 1.0 - mse_model / mse_persistence if mse_persistence > 0 else None


def coverage(lower: Floats, upper: Floats, actual: Floats) -> float:
    """The share of outcomes inside their interval, its ends included."""
    return float(np.mean((lower <= actual) & (actual <= upper)))


def directional_accuracy(forecast_return: Floats, actual_return: Floats) -> float | None:
    """The share of moves whose direction was forecast.

    Where the price did not move, or no move was forecast, there is no direction and the pair is
    left out; None if nothing is left, as for persistence.
    """
    counted = (forecast_return != 0) & (actual_return != 0)
    if not counted.any():
        return None
    hits = np.sign(forecast_return[counted]) == np.sign(actual_return[counted])
    return float(np.mean(hits))
