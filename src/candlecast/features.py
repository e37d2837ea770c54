"""Causal features, each a name and a Polars expression, and the targets they help to forecast.

A feature at row t may read rows up to t and none after it. To add one, add a line to `FEATURES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.errors import InputError

FEATURES: dict[str, pl.Expr] = {
    # The candle itself, in price.
    "open": pl.col("open"),
    "high": pl.col("high"),
    "low": pl.col("low"),
    "close": pl.col("close"),
    # Its move and size, free of the price level.
    "close_change": pl.col("close").diff().fill_null(0.0),
    "log_return": pl.col("close").log().diff().fill_null(0.0),
    "log_range": (pl.col("high") / pl.col("low")).log(),
    "log_volume": pl.col("volume").log1p(),
    # The calendar of its open time, UTC. Monday is day 0 of the week.
    "minute_of_day": pl.col("time").dt.hour().cast(pl.Int32) * 60 + pl.col("time").dt.minute(),
    "day_of_week": pl.col("time").dt.weekday() - 1,
    "day_of_month": pl.col("time").dt.day(),
    "week_of_year": pl.col("time").dt.week(),
    "month": pl.col("time").dt.month(),
}

TargetName = Literal["close", "log_return"]


def compute_features(
    candles: Candles, names: Sequence[str], *, across_gaps: bool = False
) -> NDArray[np.float64]:
    """Compute features for every candle.

    Args:
        candles: The candles.
        names: Names from `FEATURES`; the result's columns stand in this order.
        across_gaps: Whether a feature may look back over a gap. If not, each segment starts anew,
            as if nothing came before it.

    Returns:
        Shape [rows, features].

    Raises:
        InputError: For an unknown name, or a value that is not finite.
    """
    check_names(names)
    segment = pl.Series("segment", candles.segment_ids)
    table = candles.frame.with_columns(segment).select(
        FEATURES[name].over("segment").cast(pl.Float64).alias(name)
        if not across_gaps
        else FEATURES[name].cast(pl.Float64).alias(name)
        for name in names
    )
    matrix = table.to_numpy()
    _check_finite(matrix, names, candles)
    return matrix


def check_names(names: Sequence[str]) -> None:
    """Raise an `InputError` for a name that is not in `FEATURES`."""
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        raise InputError(
            f"feature '{unknown[0]}' is not known. Known features: {', '.join(FEATURES)}."
        )


def _check_finite(matrix: NDArray[np.float64], names: Sequence[str], candles: Candles) -> None:
    finite = np.isfinite(matrix)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    raise InputError(
        f"feature '{names[column]}' is {matrix[row, column]} at {candles.frame['time'][int(row)]}. "
        "Correct the candle, or leave the feature out of the recipe."
    )


def target_values(
    candles: Candles, target: TargetName, horizons: Sequence[int]
) -> NDArray[np.float64]:
    """The value to forecast, per origin and horizon.

    Args:
        candles: The candles.
        target: `close` is the close h candles after the origin, in price; `log_return` is
            log(close[t + h] / close[t]).
        horizons: Candles ahead, each at least 1. They count rows, so a gap counts for nothing.

    Returns:
        Shape [rows, horizons]; NaN where the target candle is not known yet.
    """
    close = candles.frame["close"].to_numpy()
    values = np.full((len(close), len(horizons)), np.nan)
    for column, horizon in enumerate(horizons):
        later = close[horizon:]
        earlier = close[: len(later)]
        values[: len(later), column] = later if target == "close" else np.log(later / earlier)
    return values


def to_price(
    target: TargetName, values: NDArray[np.float64], last_close: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Turn target values into prices: the exact inverse of `target_values`.

    Args:
        target: What the values are.
        values: Shape [origins, horizons].
        last_close: The close at each origin, shape [origins].

    Returns:
        Prices, shape [origins, horizons].
    """
    return values if target == "close" else last_close[:, None] * np.exp(values)
