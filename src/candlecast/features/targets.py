"""The targets that features help to forecast, and the way back to a price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles

TargetName = Literal["close", "log_return"]


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
