"""HAR: realised variance regressed on its own means over short, middle and long spans.

Corsi (2009), "A simple approximate long-memory model of realized volatility", with the spans cut
to candles, and fitted by Gaussian quasi-likelihood: the error of a mean of squared returns grows
with its size, so least squares would follow the wildest hours alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from candlecast.distributions import SMALLEST_SCALE, Floats
from candlecast.errors import CandlecastError
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters

SPANS = (5, 30, 240, 1440)
"""Candles."""


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """A constant and a weight of each span, none below 0, for each horizon.

    Raises:
        CandlecastError: If the returns do not vary, or a fit does not converge.
    """
    mean_square = float(np.mean(returns.within(rows) ** 2))
    if mean_square <= SMALLEST_SCALE**2:
        raise CandlecastError("har needs returns that vary, and these do not.")
    learned = {"mean_square": np.array([mean_square])}
    means = _means(learned, returns)[rows.start : rows.stop]
    total = np.cumsum(returns.values**2)[rows.start : rows.stop]
    weights = []
    age = returns.age[rows.start : rows.stop]
    for horizon in horizons:
        realised = (total[horizon:] - total[:-horizon]) / (horizon * mean_square)
        whole = np.flatnonzero(age[horizon:] >= horizon)[::horizon]  # no gap on the way
        weights.append(_quasi_likelihood(means[whole], realised[whole]))
    return learned | {"weights": np.stack(weights, axis=1)}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """No change, with the regression's variance."""
    per_candle = _means(learned, returns) @ learned["weights"] * learned["mean_square"]
    return Moments(
        np.zeros((1, len(horizons))), per_candle * np.asarray(horizons, dtype=np.float64)
    )


def _means(learned: Parameters, returns: Returns) -> Floats:
    """The regressors: 1, then the mean square over each span; shape [rows, 1 + spans].

    Each over the training's mean square, and over as much of the span as the segment has.
    """
    squares = returns.values**2 / learned["mean_square"]
    total = np.concatenate([[0.0], np.cumsum(squares)])
    rows, age = np.arange(len(squares)), returns.age
    columns = [np.ones(len(squares))]
    for span in SPANS:
        count = np.minimum(age, span)  # the first of a segment has no return
        mean = (total[rows + 1] - total[rows + 1 - count]) / np.maximum(count, 1)
        columns.append(np.where(count > 0, np.maximum(mean, 0.0), 1.0))
    return np.stack(columns, axis=1)


def _quasi_likelihood(means: Floats, realised: Floats) -> Floats:
    """The weights that minimise the mean of log v + realised / v, where v = means · weights."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        variance = means @ weights
        slope = (1 - realised / variance) / variance
        return float(np.mean(np.log(variance) + realised / variance)), slope @ means / len(means)

    start = np.full(means.shape[1], 1 / means.shape[1])
    bounds = [(1e-6, None)] + [(0.0, None)] * (means.shape[1] - 1)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    if not found.success or not np.isfinite(found.x).all():
        raise CandlecastError(
            f"the fit of har did not converge ({found.message}). Give more candles, or leave har "
            "out of the recipe's baselines."
        )
    return np.asarray(found.x, dtype=np.float64)
