"""`Outcome`: what one model said one horizon ahead, beside what came."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candlecast.distributions import Distribution, Floats
from candlecast.evaluation import metrics
from candlecast.forecast import Forecast


@dataclass(frozen=True, eq=False)
class Outcome:
    """One model at one horizon, at the origins whose target is known; arrays are [origins].

    Attributes:
        model: The model's name.
        horizon: Candles ahead.
        origin: Open time of the last candle known, µs since the epoch.
        time: Open time of the target candle, µs since the epoch.
        last_close: The close at each origin.
        forecast: The close that was forecast.
        actual: The close that came.
        forecast_return: The log return to the forecast; NaN where that is not above 0.
        actual_return: The log return that came.
        realised_variance: The sum of the squared one-candle returns up to the target.
        variance: The forecast of the return's variance, or None.
        distribution: Of the log return, its arrays [origins]; None without one.
        bands: The calibrated bands as log returns; shape [origins, 6], or None without any.
        pit: The share of the distribution below what came; None without a distribution.
        crps: In basis points of the log return; None without a distribution.
        log_score: The log density of the return in basis points; None without a distribution.
    """

    model: str
    horizon: int
    origin: NDArray[np.int64]
    time: NDArray[np.int64]
    last_close: Floats
    forecast: Floats
    actual: Floats
    forecast_return: Floats
    actual_return: Floats
    realised_variance: Floats
    variance: Floats | None
    distribution: Distribution | None
    bands: Floats | None
    pit: Floats | None
    crps: Floats | None
    log_score: Floats | None

    @classmethod
    def of(cls, forecast: Forecast, place: int) -> Outcome:
        """One horizon of a forecast, by its place; origins without a known target are left out."""
        known = np.isfinite(forecast.actual[:, place])
        last_close, actual = forecast.last_close[known], forecast.actual[known, place]
        actual_return = np.log(actual / last_close)
        mean, spread = forecast.mean[known, place], forecast.distribution
        if spread is not None:
            spread = spread.at_horizon(place).take(known)
        return cls(
            model=forecast.model,
            horizon=forecast.horizons[place],
            origin=forecast.origin[known],
            time=forecast.time[known, place],
            last_close=last_close,
            forecast=mean,
            actual=actual,
            forecast_return=np.log(np.where(mean > 0, mean, np.nan) / last_close),
            actual_return=actual_return,
            realised_variance=forecast.realised_variance[known, place],
            variance=None if forecast.variance is None else forecast.variance[known, place],
            distribution=spread,
            bands=None
            if forecast.bands is None
            else np.log(forecast.bands[known, place] / last_close[:, None]),
            pit=None if spread is None else spread.cdf(actual_return),
            crps=None if spread is None else spread.crps(actual_return) * metrics.BASIS_POINTS,
            log_score=None
            if spread is None
            else spread.log_density(actual_return) - math.log(metrics.BASIS_POINTS),
        )

    def __len__(self) -> int:
        return len(self.origin)

    def at(self, origins: NDArray[np.int64]) -> Outcome:
        """The outcome at those of its origins that are among some others; maybe at fewer."""
        if np.array_equal(self.origin, origins):
            return self
        kept = np.isin(self.origin, origins)
        arrays: dict[str, Any] = {
            field.name: value[kept]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        if self.distribution is not None:
            arrays["distribution"] = self.distribution.take(kept)
        return replace(self, **arrays)

    @property
    def squared_error(self) -> Floats:
        """In price, squared."""
        return np.asarray((self.forecast - self.actual) ** 2)
