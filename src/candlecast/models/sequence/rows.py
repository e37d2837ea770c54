"""Which rows a model that reads candles in sequence learns from, and can forecast at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.splits import Split
from candlecast.windows import window_origins


def learned_from(candles: Candles, split: Split) -> tuple[Candles, Split]:
    """The candles that a fit may look at and no others, and the split in their rows."""
    first, stop = split.train.start, max(split.train.stop, split.validation.stop)
    moved = (
        range(part.start - first, part.stop - first)
        for part in (split.train, split.validation, split.test)
    )
    seen = Candles(candles.frame[first:stop], candles.symbol, candles.interval)
    return seen, Split(*moved)


def until(candles: Candles, stop: int) -> Candles:
    """The candles before a row."""
    return Candles(candles.frame[:stop], candles.symbol, candles.interval)


def warm_origins(
    candles: Candles, rows: range, lookback: int, horizons: Sequence[int], *, known: bool
) -> NDArray[np.int64]:
    """The rows before which there is enough to warm up on; it may lie before `rows`.

    Args:
        candles: The candles.
        rows: Where origins (and, if `known`, targets) must lie.
        lookback: Rows without a gap that are enough, the origin's included.
        horizons: Candles ahead.
        known: Only origins whose every target is there.
    """
    warm = range(max(0, rows.start - lookback + 1), rows.stop)
    return window_origins(candles, warm, lookback, max(horizons) if known else 0)


def no_origin(part: str, rows: int, lookback: int, horizons: Sequence[int]) -> str:
    """Why a part of the rows has no origin, in words."""
    return (
        f"the {part} part has {rows} rows and no forecast fits: one needs {lookback} candles "
        f"without a gap up to its origin, and {max(horizons)} after it. Give more candles, or a "
        "shorter lookback or horizon."
    )
