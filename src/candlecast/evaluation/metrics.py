"""Metrics of forecasts: of points, of intervals and quantiles, and of variance.

Each takes arrays of one shape, [n] unless it says otherwise, and returns one number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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


def mape(forecast: Floats, actual: Floats) -> float:
    """Mean absolute error as a share of the actual price. Near 0 for whatever follows it."""
    return float(np.mean(np.abs((forecast - actual) / actual)))


def price_r2(forecast: Floats, actual: Floats) -> float | None:
    """R² of the level: 1 - SSE / Σ(actual - mean)². Near 1 for whatever follows a price.

    None if the actual values are all the same.
    """
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return 1.0 - float(np.sum((forecast - actual) ** 2)) / spread if spread > 0 else None


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


def mase(forecast: Floats, actual: Floats, naive_mae: float) -> float | None:
    """Mean absolute scaled error (Hyndman and Koehler 2006, "Another look at measures").

    Args:
        forecast: In any unit.
        actual: In the same unit.
        naive_mae: The mean absolute error, on the rows trained on, of forecasting that the next
            value is the last; in the same unit.

    Returns:
        The mean absolute error as a multiple of `naive_mae`; None if that is 0.
    """
    return mae(forecast, actual) / naive_mae if naive_mae > 0 else None


def out_of_sample_r2(forecast_return: Floats, actual_return: Floats) -> float | None:
    """1 - sum of squared errors / sum of squared returns, against a forecast of no return.

    The benchmark is 0 and not the mean return, which is itself a forecast and a poor one (Gu, Kelly
    and Xiu 2020, "Empirical asset pricing via machine learning", equation 19). None if every return
    is 0.
    """
    total = float(np.sum(actual_return**2))
    return 1 - float(np.sum((actual_return - forecast_return) ** 2)) / total if total > 0 else None


def information_coefficient(forecast_return: Floats, actual_return: Floats) -> float | None:
    """Spearman's rank correlation of forecast and return, ties at their mean rank (Spearman 1904).

    From -1 to 1; None if either is constant, as persistence's forecast of the return is.
    """
    if len(actual_return) < 2 or np.ptp(forecast_return) == 0 or np.ptp(actual_return) == 0:
        return None
    return float(stats.spearmanr(forecast_return, actual_return).statistic)


def pinball(quantiles: Floats, levels: Floats | Sequence[float], actual: Floats) -> float:
    """Mean pinball loss of quantiles (Koenker and Bassett 1978).

    Args:
        quantiles: One column for each level, in the outcome's unit; shape [n, levels].
        levels: Each above 0 and below 1; shape [levels].
        actual: Outcomes; shape [n].

    Returns:
        The loss, averaged over outcomes and levels, in the outcome's unit.
    """
    level = np.asarray(levels, dtype=np.float64)
    above = actual[:, None] - quantiles
    return float(np.mean(np.maximum(level * above, (level - 1) * above)))


def interval_width(lower: Floats, upper: Floats) -> float:
    """The mean width of intervals, in their unit: of two that cover alike the narrower is sharper.

    (Gneiting, Balabdaoui and Raftery 2007, "Probabilistic forecasts, calibration and sharpness".)
    """
    return float(np.mean(upper - lower))


def interval_score(lower: Floats, upper: Floats, actual: Floats, level: float) -> float:
    """The mean interval score: width, and what a miss misses by times 2 / (1 - level).

    (Gneiting and Raftery 2007, "Strictly proper scoring rules", equation 43.) Lower is better; it
    is least in the mean for the interval between the true quantiles.

    Args:
        lower: The lower ends, in the outcome's unit.
        upper: The upper ends.
        actual: Outcomes.
        level: The share of outcomes that the intervals should hold.

    Returns:
        The score in the outcome's unit.
    """
    missed = np.maximum(lower - actual, 0.0) + np.maximum(actual - upper, 0.0)
    return float(np.mean(upper - lower + 2 / (1 - level) * missed))


def pit_histogram(pit: Floats, bins: int = 20) -> Floats:
    """The share of probability integral transforms in each of equal bins from 0 to 1.

    Flat if the forecast distributions are right, a hump if they are too wide, a bowl if they are
    too narrow (Diebold, Gunther and Tay 1998).

    Args:
        pit: The forecast probability of no more than what came, one value or more; shape [n].
        bins: How many.

    Returns:
        Shares that sum to 1, each bin with its lower end, the last with both; shape [bins].
    """
    return np.histogram(pit, bins=bins, range=(0.0, 1.0))[0] / len(pit)


def qlike(variance: Floats, realised: Floats) -> float | None:
    """Mean of log(variance) + realised / variance: lower is better, and it may be below 0.

    Patton's (2011, "Volatility forecast comparison using imperfect volatility proxies") QLIKE,
    realised / variance - log(realised / variance) - 1, less what does not depend on the forecast,
    log(realised) + 1: differences between forecasts are the same, and it stays finite where
    realised is 0, as the squared return of a minute without a move is.

    Args:
        variance: Forecasts of the variance of the return.
        realised: An unbiased measure of it: the squared return, or a realised variance.

    Returns:
        The mean, or None if some variance is not above 0.
    """
    if not (variance > 0).all():
        return None
    return float(np.mean(np.log(variance) + realised / variance))


def volatility_r2(variance: Floats, realised: Floats) -> float | None:
    """1 - sum of (realised - variance)² / sum of (realised - mean realised)².

    In terms of variance, not of its root: squared error in variance ranks forecasts rightly even
    where what is realised is noisy but unbiased, as a squared return is, whereas in terms of the
    root a perfect forecast can score below 0 (Patton 2011). A few wild rows carry much of it; to
    choose a model `qlike` is the steadier guide.

    Args:
        variance: Forecasts of the variance of the return.
        realised: An unbiased measure of it: the squared return, or a realised variance.

    Returns:
        At most 1, below 0 for a forecast worse than the mean; None if what is realised is constant.
    """
    total = float(np.sum((realised - realised.mean()) ** 2))
    if np.ptp(realised) == 0 or total == 0:
        return None
    return 1 - float(np.sum((realised - variance) ** 2)) / total
