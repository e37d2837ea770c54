"""`Returns`: the log returns of candles, as every baseline reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from candlecast.candles import Candles
from candlecast.distributions import Floats


@dataclass(frozen=True, eq=False)
class Returns:
    """Log returns and the segments that they lie in.

    Attributes:
        values: The log return of each candle, 0 at the first of a segment; shape [rows].
        segments: The stretches that are read as one; each starts anew.
        candles_a_day: 0 where a day is no whole number of candles.
    """

    values: Floats
    segments: list[range]
    candles_a_day: int

    @classmethod
    def of(cls, candles: Candles, *, across_gaps: bool) -> Returns:
        """The returns of candles.

        Args:
            candles: The candles.
            across_gaps: Whether a return may span a gap; if so, all rows are one segment.
        """
        segments = [range(len(candles))] if across_gaps else candles.segments
        values = np.diff(np.log(candles.frame["close"].to_numpy()), prepend=np.nan)
        values[[segment.start for segment in segments if segment]] = 0.0
        days, rest = divmod(timedelta(days=1), candles.interval)
        return cls(values, segments, 0 if rest else days)

    @property
    def age(self) -> NDArray[np.int64]:
        """How many candles of its segment lie before each row; shape [rows]."""
        return np.concatenate([np.arange(len(segment)) for segment in self.segments])

    def within(self, rows: range) -> Floats:
        """The returns of some rows, without the first of a segment: that is no return."""
        return np.asarray(self.values[rows.start : rows.stop][self.age[rows.start : rows.stop] > 0])

    def decayed(self, inputs: Floats, decay: float, start: float) -> Floats:
        """y[t] = decay · y[t-1] + inputs[t], from y = `start` before each segment; shape [rows]."""
        states = np.empty(len(inputs))
        for segment in self.segments:
            part = slice(segment.start, segment.stop)
            states[part], _ = lfilter([1.0], [1.0, -decay], inputs[part], zi=[decay * start])
        return states
