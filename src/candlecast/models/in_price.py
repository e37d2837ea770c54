"""What a model says in units of volatility, in log return and in price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from candlecast.candles import Candles
from candlecast.distributions import SMALLEST_SCALE, Distribution, Floats, StudentT
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
    spread: Distribution,
    variance: Floats,
) -> Forecast:
    """A forecast from what is said in units of the volatility known at each origin.

    Args:
        candles: The candles.
        origins: Row numbers; shape [origins].
        horizons: Candles ahead.
        name: The model's.
        spread: Of the log return.
        variance: Realised on the way there; shape [origins, horizons].
    """
    volatility = volatility_of(candles)[origins, None]
    spread = never_narrower(spread).moved(0.0, volatility)
    last_close = candles.frame["close"].to_numpy()[origins]
    return Forecast.at(
        candles,
        origins,
        horizons,
        name,
        mean=last_close[:, None] * np.exp(spread.location),
        distribution=spread,
        variance=np.maximum(volatility**2 * variance, SMALLEST_SCALE**2),
    )


def never_narrower(spread: Distribution) -> Distribution:
    """Widen it around its centre where a longer horizon's band is narrower than a shorter one's.

    The bands are the central ones that hold 50, 80 and 95 %.
    """
    if isinstance(spread, StudentT):
        degrees = np.broadcast_to(spread.degrees, spread.scale.shape)
        return StudentT(spread.location, _wider(spread.scale, degrees), spread.degrees)
    below, above = spread.reaches(_BAND_ENDS)
    factor = _widening(below + above)
    return spread.moved(spread.location * (1 - factor), factor)


def _wider(scale: Floats, degrees: Floats) -> Floats:
    """Scales of Student's t with which no band of a longer horizon is the narrower one.

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


def _widening(bands: Floats) -> Floats:
    """The factors, 1 or more, with which no band of a longer horizon is the narrower one.

    Args:
        bands: Their widths; shape [origins, horizons, bands].

    Returns:
        Shape [origins, horizons].
    """
    factor: Floats = np.ones(bands.shape[:-1])
    for column in range(1, bands.shape[1]):
        least = factor[:, column - 1, None] * bands[:, column - 1] / bands[:, column]
        factor[:, column] = np.max(least, axis=-1, initial=1.0)
    return factor
