"""What a model says in units of volatility, in log return and in price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import SMALLEST_SCALE, Floats, StudentT
from candlecast.forecast import Forecast
from candlecast.models.sequence_inputs import volatility_of


def in_price(
    candles: Candles,
    origins: NDArray[np.int64],
    horizons: Sequence[int],
    name: str,
    *,
    location: Floats,
    scale: Floats,
    degrees: Floats,
    variance: Floats,
) -> Forecast:
    """A forecast from what is said in units of the volatility known at each origin.

    Args:
        candles: The candles.
        origins: Row numbers; shape [origins].
        horizons: Candles ahead.
        name: The model's.
        location: Of the log return; shape [origins, horizons].
        scale: Of the log return; likewise.
        degrees: Of freedom; likewise, or broadcast to it.
        variance: Realised on the way there; likewise.
    """
    volatility = volatility_of(candles)[origins, None]
    location = volatility * location
    last_close = candles.frame["close"].to_numpy()[origins]
    return Forecast.at(
        candles,
        origins,
        horizons,
        name,
        mean=last_close[:, None] * np.exp(location),
        distribution=StudentT(location, np.maximum(volatility * scale, SMALLEST_SCALE), degrees),
        variance=np.maximum(volatility**2 * variance, SMALLEST_SCALE**2),
    )
