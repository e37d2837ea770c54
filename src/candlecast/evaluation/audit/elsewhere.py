"""Whether a feature depends on the candles it is given at all, or was computed elsewhere.

A column that was made beforehand, of the whole table, comes out the same whatever the candles are:
another future cannot move it, though it may be made of nothing else. So all prices and amounts are
changed, and all times. A feature that none of it moves is not of these candles. One that is the
same for every row, or counts rows, is not of them either, and tells nothing of the future.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit.futures import change_after
from candlecast.evaluation.audit.look_ahead import first_difference

_LATER = timedelta(days=37, hours=11, minutes=23)  # another month, weekday, hour and minute
_GAPS = 0.02  # the share of rows that a new gap follows

CHECK = "changing all prices, volumes and times"
"""What is tried, in words."""

_ADVICE = (
    "so it was computed elsewhere, maybe from the future. Compute it from the candles in its "
    "argument."
)


def computed_elsewhere(
    column: Callable[[Candles], Floats], values: Floats, candles: Candles, seed: int
) -> str | None:
    """The end of a sentence whose subject is a feature that was not computed from its candles.

    Args:
        column: The feature.
        values: What it is on the candles as they are.
        candles: The candles.
        seed: Of the other values and times.
    """
    if len(values) < 3 or _is_same_or_counts(values):
        return None
    if _reacts(column, values, change_after(candles, -1, seed)):
        return None
    later = _at_other_times(candles)
    try:
        knows_other_times = bool(np.isfinite(column(later)).any())
    except Exception:  # of others' code, which may raise whatever it likes
        knows_other_times = False
    if not knows_other_times:
        return (
            "depends on no price or volume and knows nothing of other times than those of the "
            f"whole table, {_ADVICE}"
        )
    if _reacts(column, values, later) or _reacts(column, values, _with_gaps(later, seed)):
        return None
    return f"does not depend on the candles it is given, {_ADVICE}"


def _is_same_or_counts(values: Floats) -> bool:
    """Whether it takes the same step, be it none, from each row to the next."""
    return bool(np.isnan(values).all() or np.ptp(np.diff(values)) == 0)


def _reacts(column: Callable[[Candles], Floats], values: Floats, candles: Candles) -> bool:
    """Whether other candles move it; if it fails on them it reads them."""
    try:
        return first_difference(values, column(candles)) is not None
    except Exception:  # likewise
        return True


def _at_other_times(candles: Candles) -> Candles:
    """The candles so much later, on the grid of their interval."""
    shift = -(-_LATER // candles.interval) * candles.interval
    return _timed(candles, candles.frame["time"] + shift)


def _with_gaps(candles: Candles, seed: int) -> Candles:
    """The candles with gaps between them."""
    rng = np.random.default_rng(seed)
    missing = np.cumsum((rng.random(len(candles)) < _GAPS) * rng.integers(1, 4, len(candles)))
    return _timed(candles, candles.frame["time"] + pl.Series(missing) * candles.interval)


def _timed(candles: Candles, time: pl.Series) -> Candles:
    table = candles.frame.with_columns(time.cast(candles.frame.schema["time"]).alias("time"))
    return Candles(table, candles.symbol, candles.interval)
