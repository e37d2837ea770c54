"""Whether a difference in loss is more than luck."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

FEWEST_LOSSES = 100
"""Below this many losses a p-value means nothing: fat tails make the test's law a guess."""


@dataclass(frozen=True)
class Comparison:
    """A test of equal loss.

    Attributes:
        statistic: Above 0 if the model's mean loss is below the baseline's.
        p_value: Of so large a statistic, on either side, if the losses are equal in the mean.
    """

    statistic: float
    p_value: float


def diebold_mariano(model_loss: Floats, baseline_loss: Floats, horizon: int) -> Comparison | None:
    """Test whether two forecasts have the same expected loss.

    The statistic is the mean of the loss differences over its standard error (Diebold and Mariano
    1995), with the long-run variance of Newey and West (1987) and the small-sample correction and
    Student's t of Harvey, Leybourne and Newbold (1997).

    Args:
        model_loss: The model's loss at each origin, in time order; shape [origins].
        baseline_loss: The baseline's at the same origins; shape [origins].
        horizon: Candles ahead; forecasts of overlapping spans have dependent losses.

    Returns:
        The test, or None where it means nothing: fewer than `FEWEST_LOSSES` losses (or ten times
        the horizon), a loss that is not finite, or no difference that varies.
    """
    difference = baseline_loss - model_loss
    count = len(difference)
    if count < max(FEWEST_LOSSES, 10 * horizon) or not np.isfinite(difference).all():
        return None
    variance = long_run_variance(difference, lags=bandwidth(count, horizon))
    if variance <= 0 or np.ptp(difference) == 0:
        return None
    correction = (count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count
    statistic = float(np.mean(difference) / math.sqrt(variance / count) * math.sqrt(correction))
    return Comparison(statistic, float(2 * stats.t.sf(abs(statistic), df=count - 1)))


def bandwidth(count: int, horizon: int) -> int:
    """Lags of the long-run variance: Newey and West's (1994) rule, and never under horizon - 1."""
    return max(horizon - 1, int(4 * (count / 100) ** (2 / 9)))


def long_run_variance(values: Floats, lags: int) -> float:
    """The variance of √n times the mean of a dependent series, with Bartlett's weights.

    Never below 0 (Newey and West 1987).
    """
    centred = values - values.mean()
    variance = float(centred @ centred)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag])
    return variance / len(values)
