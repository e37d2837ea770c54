"""`Forecast`: what a model says of the candles after each origin, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import TIME, Candles

Floats = NDArray[np.float64]

QUANTILES: dict[str, float] = {
    "q025": 0.025,
    "q10": 0.1,
    "q25": 0.25,
    "q50": 0.5,
    "q75": 0.75,
    "q90": 0.9,
    "q975": 0.975,
}


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts at several origins and horizons, in price.

    Attributes:
        model: The model's name.
        horizons: Candles ahead.
        origin: Open time of the last closed candle known, µs since the epoch; shape [origins].
        time: Open time of each target candle, µs since the epoch; shape [origins, horizons].
        last_close: The close at each origin; shape [origins].
        mean: The point forecast of the close; shape [origins, horizons].
        actual: The close that came, NaN where it is not known yet; shape [origins, horizons].
        quantiles: The levels of `QUANTILES`, shape [origins, horizons, 7]; None for a model that
            forecasts a point and no distribution.
    """

    model: str
    horizons: tuple[int, ...]
    origin: NDArray[np.int64]
    time: NDArray[np.int64]
    last_close: Floats
    mean: Floats
    actual: Floats
    quantiles: Floats | None = None

    @classmethod
    def at(
        cls,
        candles: Candles,
        origins: NDArray[np.int64],
        horizons: Sequence[int],
        model: str,
        mean: Floats,
        quantiles: Floats | None = None,
        *,
        across_gaps: bool = False,
    ) -> Forecast:
        """Put times and known outcomes to a model's prices.

        Args:
            candles: The candles forecast from.
            origins: Rows of the origins; shape [origins].
            horizons: Candles ahead.
            model: The model's name.
            mean: Prices; shape [origins, horizons].
            quantiles: Prices; shape [origins, horizons, 7], or None.
            across_gaps: Whether the target is the h-th row after the origin, a gap notwithstanding;
                if not, a target beyond a gap counts as not known.
        """
        times = candles.frame["time"].to_physical().to_numpy()
        close = candles.frame["close"].to_numpy()
        rows = origins[:, None] + np.asarray(horizons)
        known = rows < len(candles)
        rows = np.minimum(rows, len(candles) - 1)
        if not across_gaps:
            segment = candles.segment_ids
            known &= segment[rows] == segment[origins][:, None]
        step = int(candles.interval.total_seconds() * 1_000_000)
        by_clock = times[origins][:, None] + step * np.asarray(horizons)
        return cls(
            model=model,
            horizons=tuple(horizons),
            origin=times[origins],
            time=np.where(known, times[rows], by_clock),
            last_close=close[origins],
            mean=mean,
            actual=np.where(known, close[rows], np.nan),
            quantiles=quantiles,
        )

    def __len__(self) -> int:
        return len(self.origin)

    def to_frame(self) -> pl.DataFrame:
        """One row an origin and horizon, with the columns of `forecasts.parquet`.

        `model`, `origin`, `time`, `horizon`, `last_close`, `mean`, the quantiles and `actual`; what
        is not known or not forecast is null.
        """
        rows, horizons = self.mean.shape
        columns: dict[str, pl.Series] = {
            "origin": pl.Series(np.repeat(self.origin, horizons)).cast(TIME),
            "time": pl.Series(self.time.ravel()).cast(TIME),
            "horizon": pl.Series(np.tile(np.asarray(self.horizons, dtype=np.int32), rows)),
            "last_close": pl.Series(np.repeat(self.last_close, horizons)),
            "mean": pl.Series(self.mean.ravel()),
        }
        for place, name in enumerate(QUANTILES):
            columns[name] = (
                pl.Series([None] * (rows * horizons), dtype=pl.Float64)
                if self.quantiles is None
                else pl.Series(self.quantiles[:, :, place].ravel())
            )
        columns["actual"] = pl.Series(self.actual.ravel(), nan_to_null=True)
        model = pl.lit(self.model, dtype=pl.String).alias("model")
        return pl.DataFrame(columns).select(model, pl.all())
