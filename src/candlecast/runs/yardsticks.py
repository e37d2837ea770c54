"""What scores are measured in: the scale of the target and the size of a usual change."""

from __future__ import annotations

import numpy as np

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import compute_features
from candlecast.recipe import Recipe
from candlecast.scaling import SCALERS
from candlecast.splits import Split


def target_scale(recipe: Recipe, candles: Candles, split: Split) -> float | None:
    """The factor that the recipe's scaler gives the target on the train rows.

    None where the target is constant there: then no scaler can be fitted, and only baselines get
    so far.
    """
    rows = slice(split.train.start, split.train.stop)
    across_gaps = recipe.windows.across_gaps
    target = compute_features(candles, [recipe.target], across_gaps=across_gaps)[rows]
    try:
        return SCALERS[recipe.scaler](target, [recipe.target]).scale[0]
    except InputError:
        return None


def naive_mae(candles: Candles, rows: range) -> float | None:
    """The mean absolute change of the close from one candle to the next in some rows."""
    close = candles.frame["close"].to_numpy()[rows.start : rows.stop]
    same = np.diff(candles.segment_ids[rows.start : rows.stop]) == 0
    changes = np.abs(np.diff(close))[same]
    return float(changes.mean()) if changes.size else None
