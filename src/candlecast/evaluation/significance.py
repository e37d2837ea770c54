"""Whether a difference in loss is more than luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

FEWEST_LOSSES = 100
"""Below this many losses a p-value means nothing: fat tails make the test's law a guess."""


@dataclass(frozen=True)
class Comparison:
    """A test of a model against no skill.

    Attributes:
        statistic: Above 0 if the model is better: its mean loss is below the baseline's, or it
            tells directions better than chance.
        p_value: Of so large a statistic, on either side, if there were no difference.
    """

    statistic: float
    p_value: float


def fewest(horizon: int) -> int:
    """How many losses a test needs: `FEWEST_LOSSES`, and ten spans that do not overlap."""
    return max(FEWEST_LOSSES, 10 * horizon)


def can_be_tested(difference: Floats, horizon: int) -> bool:
    """Whether a test of the mean of these differences means anything.

    Args:
        difference: Of two losses at each origin, in time order; shape [origins].
        horizon: Candles ahead.

    Returns:
        False if there are fewer than `fewest(horizon)`, one is not finite, or none differs from
        another.
    """
    return bool(
        len(difference) >= fewest(horizon)
        and np.isfinite(difference).all()
        and np.ptp(difference) > 0
    )


def diebold_mariano(model_loss: Floats, baseline_loss: Floats, horizon: int) -> Comparison | None:
    """Test whether two forecasts have the same expected loss.

    The statistic is the mean of the loss differences over its standard error (Diebold and Mariano
    1995), with the long-run variance of Newey and West (1987) and the small-sample correction of
    Harvey, Leybourne and Newbold (1997). The p-value is Student's t with the degrees of freedom
    that the long-run variance really has, 3/2 of the rows over its lags (`_degrees`).

    Args:
        model_loss: The model's loss at each origin, in time order; shape [origins].
        baseline_loss: The baseline's at the same origins; shape [origins].
        horizon: Candles ahead; forecasts of overlapping spans have dependent losses.

    Returns:
        The test, or None where it means nothing: fewer than `FEWEST_LOSSES` losses (or ten times
        the horizon), a loss that is not finite, or no difference that varies.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity: found not finite below
        difference = baseline_loss - model_loss
    if not can_be_tested(difference, horizon):
        return None
    # The statistic knows no unit; in this one no square overflows or vanishes.
    difference = difference / np.abs(difference).max()
    count = len(difference)
    variance = long_run_variance(difference, lags=bandwidth(count, horizon))
    if variance <= 0:
        return None
    return _comparison(float(np.mean(difference)), variance, count, horizon)


def pesaran_timmermann(
    forecast_return: Floats, actual_return: Floats, horizon: int
) -> Comparison | None:
    """Test whether a forecast tells the direction of the move better than chance.

    Pesaran and Timmermann (1992) compare the share of directions hit with the share that two
    independent series with as many rises would hit. Their difference is twice the mean of
    (x - mean x)(y - mean y), x and y being 1 where a rise is forecast and where it came; so always
    forecasting "up" in a rising market earns nothing. Here that mean is tested like a loss
    difference, with the long-run variance of Newey and West (1987) and the same `bandwidth`, since
    moves that overlap are dependent. The variance is never taken below the closed one of 1992,
    mean x (1 - mean x) mean y (1 - mean y), with which the statistic is the closed one.

    Args:
        forecast_return: Forecast moves, in time order, in any unit; shape [origins].
        actual_return: The moves that came; shape [origins].
        horizon: Candles ahead.

    Returns:
        The test, its statistic above 0 if direction is told better than chance. None where it means
        nothing: a move that is not finite; fewer than `fewest(horizon)` pairs once those without a
        direction are left out, as in `metrics.directional_accuracy`; one direction only.
    """
    if not (np.isfinite(forecast_return).all() and np.isfinite(actual_return).all()):
        return None
    counted = (forecast_return != 0) & (actual_return != 0)
    count = int(counted.sum())
    if count < fewest(horizon):
        return None
    rise_forecast = (forecast_return[counted] > 0).astype(np.float64)
    rise_came = (actual_return[counted] > 0).astype(np.float64)
    if np.ptp(rise_forecast) == 0 or np.ptp(rise_came) == 0:
        return None
    together = (rise_forecast - rise_forecast.mean()) * (rise_came - rise_came.mean())
    closed = float(np.var(rise_forecast) * np.var(rise_came))
    variance = max(closed, long_run_variance(together, lags=bandwidth(count, horizon)))
    return _comparison(float(np.mean(together)), variance, count, horizon)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for asking several questions at once (Holm 1979, step-down).

    To call something found where its adjusted p-value is below a level errs, on any of the
    questions, with no more than that probability, however the questions depend on each other.

    Args:
        p_values: One for each question; None for one that could not be asked and does not count.

    Returns:
        The adjusted p-values in the same order; None stays None.
    """
    asked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(asked):
        largest = max(largest, min(1.0, (len(asked) - rank) * p))
        adjusted[place] = largest
    return adjusted


def bandwidth(count: int, horizon: int) -> int:
    """Lags of the long-run variance: Newey and West's (1994) rule, never under 3 (horizon - 1).

    Losses of spans of h candles depend on each other up to lag h - 1. Bartlett's weights fall to
    nothing at the last lag: with h - 1 of them a third of the variance of an overlapping sum is
    lost, and a test at 5 % rejects in 11 % of cases; with three times as many, a ninth is lost.
    """
    return max(3 * (horizon - 1), int(4 * (count / 100) ** (2 / 9)))


def long_run_variance(values: Floats, lags: int) -> float:
    """The variance of √n times the mean of a dependent series, with Bartlett's weights.

    Never below 0 (Newey and West 1987). The weighted sum of autocovariances is the mean square of
    the sums of each `lags` + 1 values in a row, the ends padded with 0: so it takes one pass,
    however many lags there are.
    """
    total = np.cumsum(values - values.mean())
    total = np.concatenate([np.zeros(lags + 1), total, np.full(lags, total[-1])])
    sums = total[lags + 1 :] - total[: -(lags + 1)]
    return float(sums @ sums) / (lags + 1) / len(values)


def _comparison(mean: float, variance: float, count: int, horizon: int) -> Comparison:
    """The test that a mean is 0, from the long-run variance of what it is a mean of."""
    correction = (count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count
    statistic = mean / math.sqrt(variance / count) * math.sqrt(correction)
    return Comparison(statistic, float(2 * stats.t.sf(abs(statistic), df=_degrees(count, horizon))))


def _degrees(count: int, horizon: int) -> float:
    """Degrees of freedom of the long-run variance, 3/2 of the count over the lags.

    It is a smoothed estimate and no better known than the mean of so many squares (Priestley 1981,
    section 6.2.3; Sun 2014, "Let's fix it", for the test). Where lags are few beside the rows, the
    law is as good as normal.
    """
    return min(count - 1.0, 1.5 * count / (bandwidth(count, horizon) + 1))
