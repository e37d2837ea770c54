"""Where to try: the rows after which the future is changed, and a short stretch of long candles.

Leaks show at the ends, about gaps, and wherever one happens to look.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles


def rows_before_gaps(candles: Candles) -> NDArray[np.int64]:
    """The last row before each gap, rising."""
    return np.flatnonzero(np.diff(candles.segment_ids))


def spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """So many of some rows at most, from the first to the last."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]


def trial_origins(candles: Candles, seed: int = 0, gaps: int = 4, others: int = 8) -> list[int]:
    """Rows to change the future after: at both ends, about gaps, and drawn between; rising.

    Args:
        candles: The candles.
        seed: Of the draw.
        gaps: At how many gaps at most.
        others: How many are drawn.
    """
    last = len(candles) - 2
    edges = spread(rows_before_gaps(candles), gaps)
    drawn = np.random.default_rng(seed).integers(0, max(last, 0) + 1, others)
    tried = {0, 1, last - 1, last, *drawn, *(edges - 1), *edges, *(edges + 1)}
    return sorted(int(row) for row in tried if 0 <= row <= last)


def stretch(candles: Candles, rows: int) -> Candles:
    """So many candles in a row; if there are gaps, the most central one lies a quarter in."""
    edges = rows_before_gaps(candles)
    middle = len(candles) // 2
    gap = int(edges[np.abs(edges - middle).argmin()]) if edges.size else middle
    start = max(0, min(gap - rows // 4, len(candles) - rows))
    return Candles(candles.frame[start : start + rows], candles.symbol, candles.interval)
