"""A spread around a point forecast: Student's t, fitted to errors at each horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from candlecast.distributions import SMALLEST_SCALE, Floats, StudentT, fit_student_t
from candlecast.forecast import Forecast


def fit_spread(errors: Floats, horizons: Sequence[int] | None = None) -> Floats:
    """Scale and degrees of freedom of Student's t, and the mean square, of errors.

    Args:
        errors: Finite, over the deviation that was forecast if one was; shape [origins, horizons].
        horizons: Candles ahead, if the origins follow each other: then one in so many is taken, for
            spans that overlap tell the same thing again and again.

    Returns:
        Shape [3, horizons].
    """
    steps = horizons or (1,) * errors.shape[1]
    columns = [errors[::step, place] for place, step in enumerate(steps)]
    least = SMALLEST_SCALE**2
    return np.stack(
        [np.array([*fit_student_t(each), max(np.mean(each**2), least)]) for each in columns], axis=1
    )


def with_spread(forecast: Forecast, spread: Floats) -> Forecast:
    """A point forecast with the same spread around each of its points.

    Args:
        forecast: Its `mean` counts; if one is not above 0 it has no log return, and nothing is put
            around any.
        spread: As `fit_spread` gives it; shape [3, horizons].
    """
    location = forecast.mean_return
    if not np.isfinite(location).all():
        return forecast
    scale, degrees, mean_square = (np.broadcast_to(row, location.shape) for row in spread)
    return replace(
        forecast, distribution=StudentT(location, scale, degrees[:1]), variance=mean_square
    )
