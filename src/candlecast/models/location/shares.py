"""How far two parts of a forecast are to be believed, told by rows that neither was fitted to."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from candlecast.distributions import Floats

_WIDEST_RETURN = 6.0  # volatilities


def fit_shares(linear: Floats, added: Floats, scale: Floats, came: Floats) -> Floats:
    """The shares, from 0 to 1, with which two parts together come closest to what came.

    What was fitted to the train rows says too much of others.

    Args:
        linear: The linear forecast, in units of volatility; shape [origins].
        added: What a model adds to it; likewise.
        scale: The width that was forecast: where it is wide, an error counts less; likewise.
        came: The return; likewise.

    Returns:
        Of `linear` and of `added`; both 1 if there is no origin.
    """
    if not len(came):
        return np.ones(2)
    errors = came.clip(-_WIDEST_RETURN, _WIDEST_RETURN) / scale
    parts = np.stack([linear, added], axis=1) / scale[:, None]
    return np.asarray(lsq_linear(parts, errors, bounds=(0.0, 1.0)).x)


def checked_shares(saved: object) -> Floats:
    """Shares as they were saved.

    Raises:
        ValueError: If they are not two numbers from 0 to 1.
    """
    shares = np.asarray(saved, dtype=np.float64)
    if shares.shape != (2,) or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"shares are two numbers from 0 to 1, and not {saved}")
    return shares
