"""What a model says in units of volatility, in log return and in price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from candlecast.candles import Candles
from candlecast.distributions import SMALLEST_SCALE, Floats, StudentT
from candlecast.forecast import Forecast
from candlecast.models.sequence.inputs import volatility_of

_BAND_ENDS = (0.75, 0.9, 0.975)  # of the bands of 50, 80 and 95 %
_SURELY_WIDER = 2.2  # times the scale before: more than any two numbers of degrees can take away


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
    scale = never_narrower(scale, np.broadcast_to(degrees, scale.shape))
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


def never_narrower(scale: Floats, degrees: Floats) -> Floats:
    """Scales with which no band of a longer horizon is narrower than that of a shorter one.

    A greater scale is not enough where the longer horizon has thinner tails.

    Args:
        scale: Of Student's t; shape [origins, horizons].
        degrees: Of freedom; likewise.
    """
    scale = scale.copy()
    for column in range(1, scale.shape[1]):
        close = np.flatnonzero(scale[:, column] < _SURELY_WIDER * scale[:, column - 1])
        before, after = (
            np.stack([special.stdtrit(degrees[close, place], end) for end in _BAND_ENDS])
            for place in (column - 1, column)
        )
        least = scale[close, column - 1] * np.max(before / after, axis=0, initial=0.0)
        scale[close, column] = np.maximum(scale[close, column], least)
    return scale
