"""What the contenders of `time_to_quality` are given: candles, and where their forecasts count.

The candles end where the test rows begin, so that nobody can look at those. The last of them are
the validation rows, and all are asked for the close one candle after the same origins there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.splits import Split
from candlecast.windows import window_origins
from contenders.task import LOOKBACK


@dataclass(frozen=True)
class QualityTask:
    """What is learned from and what is asked.

    Attributes:
        candles: The train rows, then the validation rows.
        train: The train rows' number.
        origins: Rows before which there are `LOOKBACK` without a gap, the origin's included, and
            whose next candle is a validation row; shape [origins].
    """

    candles: Candles
    train: int
    origins: NDArray[np.int64]

    @classmethod
    def of(cls, candles: Candles, train: int, most: int) -> QualityTask:
        """Take so many origins at most, spread evenly over the validation rows."""
        rows = range(train - LOOKBACK, len(candles))
        origins = window_origins(candles, rows, LOOKBACK, ahead=1)
        count = min(most, len(origins))
        places = np.linspace(0, len(origins) - 1, count).round().astype(np.int64)
        return cls(candles, train, origins[places])

    @property
    def split(self) -> Split:
        """The same as candlecast has it, without a test row."""
        rows = len(self.candles)
        return Split(range(self.train), range(self.train, rows), range(rows, rows))

    @property
    def known(self) -> Floats:
        """The close at each origin, which is persistence's forecast."""
        return self._close[self.origins]

    @property
    def came(self) -> Floats:
        """The close of the candle after each origin."""
        return self._close[self.origins + 1]

    @property
    def _close(self) -> Floats:
        return self.candles.frame["close"].to_numpy()
