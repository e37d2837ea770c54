"""Drift: the price goes on rising or falling as it did on average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from candlecast.distributions import Floats
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """The mean log return of one candle."""
    del horizons
    return {"drift": np.array([returns.within(rows).mean()])}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """The mean return times the horizon, at all times with the same spread."""
    del returns
    location = learned["drift"] * np.asarray(horizons, dtype=np.float64)
    return Moments(location[None, :], np.ones((1, len(horizons))))
