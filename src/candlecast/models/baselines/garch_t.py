"""GARCH-t: GARCH(1,1) with Student's t and an AR(1) mean (Bollerslev 1986, 1987)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from candlecast.distributions import Floats
from candlecast.errors import CandlecastError
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters

if TYPE_CHECKING:
    from arch.univariate import ARX

_BASIS_POINTS = 1e4  # the scale that the optimiser likes; the parameters are kept in log return
_FEWEST_RETURNS = 500
_SAME_LIKELIHOOD = 0.01  # of two log likelihoods: nothing to a score

MOST_RETURNS = 300_000
"""The newest of more: they settle six parameters, and a fit's time grows with their number."""


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """Maximum likelihood, by the `arch` library.

    Raises:
        CandlecastError: If the returns are too few or do not vary, or the fit does not converge.
    """
    del horizons
    values = returns.within(rows)[-MOST_RETURNS:] * _BASIS_POINTS
    if len(values) < _FEWEST_RETURNS or np.ptp(values) == 0:
        raise CandlecastError(
            f"garch_t needs {_FEWEST_RETURNS} returns that vary; there are {len(values)}. Give "
            "more candles."
        )
    from arch.univariate import ARX, GARCH, StudentsT  # a second to import: only when it is used

    model = ARX(values, lags=1, volatility=GARCH(1, 0, 1), distribution=StudentsT(), rescale=False)
    constant, slope, omega, alpha, beta, _ = _maximum_likelihood(model)
    return {
        "mean": np.array([constant / _BASIS_POINTS, slope]),
        "variance": np.array([omega / _BASIS_POINTS**2, alpha, beta]),
        "mean_square": np.array([np.mean(values**2) / _BASIS_POINTS**2]),
    }


def _maximum_likelihood(model: ARX) -> Floats:
    """The parameters, by the `arch` library.

    The optimiser at times stops at the maximum for want of precision and says that it failed. So a
    fit counts if it says that it converged, or if another from where it stopped finds no better.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say, the convergence flag says too
        found = model.fit(disp="off", show_warning=False)
        converged = found.convergence_flag == 0
        if not converged:
            again = model.fit(disp="off", show_warning=False, starting_values=found.params)
            gained = again.loglikelihood - found.loglikelihood
            converged = again.convergence_flag == 0 or gained < _SAME_LIKELIHOOD
            found = again if gained > 0 else found
    parameters = np.asarray(found.params, dtype=np.float64)
    if not converged or not np.isfinite(parameters).all():
        raise CandlecastError(
            f"the fit of garch_t did not converge (status {found.convergence_flag}). Give more "
            "candles, or leave garch_t out of the recipe's baselines."
        )
    return parameters


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """Mean and variance of the sum of the next returns.

    The variance of the candle j ahead is linear in that of the next one. A shock to that candle
    moves the later returns too, by the AR(1) mean, so it enters the sum up to horizon h with the
    factor 1 + φ + … + φ^(h-j).
    """
    (constant, slope), (omega, alpha, beta) = learned["mean"], learned["variance"]
    start = float(learned["mean_square"][0])
    previous = np.where(returns.age > 1, np.roll(returns.values, 1), 0.0)
    shocks = (returns.values - constant - slope * previous) ** 2
    shocks = np.where(returns.age > 0, shocks, start)
    following = returns.decayed(omega + alpha * shocks, beta, start)
    location = np.empty((len(following), len(horizons)))
    variance = np.empty_like(location)
    for column, horizon in enumerate(horizons):
        ahead = np.arange(1, horizon + 1)
        decay = slope**ahead
        location[:, column] = constant * np.sum(np.cumsum(slope ** (ahead - 1)))
        location[:, column] += returns.values * decay.sum()
        factors = np.cumsum(slope ** (ahead - 1))[::-1] ** 2
        kept = (alpha + beta) ** (ahead - 1)
        added = omega * np.concatenate([[0.0], np.cumsum(kept)[:-1]])
        variance[:, column] = factors @ added + (factors @ kept) * following
    return Moments(location, variance)
