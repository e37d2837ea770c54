"""Persistence: the price stays where it is. What every other model has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from candlecast.distributions import Floats
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments, Parameters


def fit(returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
    """There is nothing to learn but the spread, which every baseline learns."""
    del returns, rows, horizons
    return {}


def moments(learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
    """No change, at all times with the same spread."""
    del learned, returns
    return Moments(np.zeros((1, len(horizons))), np.ones((1, len(horizons))))
