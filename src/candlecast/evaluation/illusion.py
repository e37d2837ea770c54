"""The lag-1 illusion: a forecast that looks right in a chart because it is the price, shifted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candlecast.evaluation.significance import FEWEST_LOSSES, Floats

FARTHEST = 10
"""Candles before the last close known that are searched for what the forecast copies."""

LEAST_CORRELATION = 0.2
"""Below this a forecast is no copy.

An exponential mean of the last n closes, as smooth as networks that learned little forecast, has
a correlation of about 2 / √n with the price that it follows: this finds it up to a hundred candles.
"""

LEAST_ERRORS = 4.0
"""Standard errors of the correlation, 1 / √pairs, that noise does not reach at some lag."""


_ALL_BUT_THE_SAME = 0.8  # above this correlation a forecast "is" the price, below it "follows" it


@dataclass(frozen=True)
class ShiftedCopy:
    """A forecast whose changes are the price's, late.

    Attributes:
        lag: Candles by which it is late: 1 for persistence one candle ahead.
        at_lag: The correlation of its changes with the price's so much earlier.
        at_zero: Their correlation with those of the outcomes that it forecasts.
    """

    lag: int
    at_lag: float
    at_zero: float


def shifted_copy(
    forecast: Floats,
    last_close: Floats,
    actual: Floats,
    horizon: int,
    has_skill: bool,
    contiguous: NDArray[np.bool_] | None = None,
) -> ShiftedCopy | None:
    """Find whether a forecast is a shifted copy of the price.

    A forecast of the candle t + h, made at t, is dated t + h, as charts show it. Its change from
    one origin to the next is correlated with the change of the price k candles before t + h: k = 0
    is the outcome, k = h the last close known. A copy's correlation peaks at h or later. So does
    that of a forecast with skill, which is the last close and a small correction: hence only one
    without skill is called a copy.

    Args:
        forecast: Prices; shape [origins], in time order like all others.
        last_close: The close at each origin; shape [origins].
        actual: The close that came, NaN where it is not known; shape [origins].
        horizon: Candles ahead.
        has_skill: Whether the model is proven to beat persistence.
        contiguous: Whether each origin is the candle after the origin before it, which it is not
            after a gap or where a fold begins (the first value is not used); shape [origins]. None
            if all are.

    Returns:
        The copy, its lag searched up to `FARTHEST` candles before the last close; None if there is
        skill, if the peak is before h, below `LEAST_CORRELATION` or what noise could reach, or if
        fewer than `FEWEST_LOSSES` pairs of changes tell.
    """
    if has_skill or len(forecast) == 0:
        return None
    breaks = np.zeros(len(forecast), np.bool_) if contiguous is None else ~contiguous
    stretch = np.cumsum(breaks, dtype=np.int64)
    change = _changes(forecast, stretch)
    outcome, known = _changes(actual, stretch), _changes(last_close, stretch)
    correlations: dict[int, tuple[float, int]] = {}
    for lag in range(horizon + FARTHEST + 1):
        # The price of the k candles before t + h: an earlier outcome, or a close already known.
        price, rows = (outcome, lag) if lag < horizon else (known, lag - horizon)
        if rows >= len(change):
            continue
        correlation = _correlation(change[rows:], price[: len(price) - rows], stretch, rows)
        if correlation is not None:
            correlations[lag] = correlation
    if 0 not in correlations:
        return None
    lag = max(correlations, key=lambda lag: correlations[lag])
    peak, pairs = correlations[lag]
    if lag < horizon or peak < max(LEAST_CORRELATION, LEAST_ERRORS / math.sqrt(pairs)):
        return None
    return ShiftedCopy(lag, peak, at_zero=correlations[0][0])


def sentence(model: str, horizon: int, copy: ShiftedCopy) -> str:
    """The finding in words."""
    candles = "1 candle" if copy.lag == 1 else f"{copy.lag} candles"
    verb = "is" if copy.at_lag > _ALL_BUT_THE_SAME else "follows"
    return (
        f"{model}, {horizon} ahead: the forecast {verb} the price of {candles} before, shifted: "
        f"its changes follow the price's with a correlation of {copy.at_lag:.2f} at lag "
        f"{copy.lag} and {copy.at_zero:.2f} at lag 0."
    )


def _changes(values: Floats, stretch: NDArray[np.int64]) -> Floats:
    """The change from the row before, NaN where that is another stretch or not finite."""
    changes = np.full(len(values), np.nan)
    finite = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(over="ignore"):
        changes[1:] = np.where(stretch[1:] == stretch[:-1], np.diff(finite), np.nan)
    return changes


def _correlation(
    change: Floats, price: Floats, stretch: NDArray[np.int64], rows: int
) -> tuple[float, int] | None:
    """Of changes with those of so many rows before, and how many pairs tell.

    None if that is too few or one side is constant.
    """
    same = stretch[rows:] == stretch[: len(stretch) - rows]
    counted = same & np.isfinite(change) & np.isfinite(price)
    if counted.sum() < FEWEST_LOSSES:
        return None
    change, price = change[counted], price[counted]
    if np.ptp(change) == 0 or np.ptp(price) == 0:
        return None
    # In units of the largest no square overflows.
    change, price = (x / np.abs(x).max() for x in (change, price))
    change, price = change - change.mean(), price - price.mean()
    size = np.sqrt((change @ change) * (price @ price))
    return (float(change @ price / size), len(change)) if size > 0 else None
