"""`Forecast`: what a model says of the candles after each origin, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import TIME, Candles
from candlecast.distributions import Distribution, Floats, distribution_from

QUANTILES: dict[str, float] = {
    "q025": 0.025,
    "q10": 0.1,
    "q25": 0.25,
    "q50": 0.5,
    "q75": 0.75,
    "q90": 0.9,
    "q975": 0.975,
}

BANDS = tuple(name for name in QUANTILES if name != "q50")
"""The ends of the central bands that hold 50, 80 and 95 %, from the lowest up."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts at several origins and horizons.

    Attributes:
        model: The model's name.
        horizons: Candles ahead.
        origin: Open time of the last closed candle known, µs since the epoch; shape [origins].
        time: Open time of each target candle, µs since the epoch; shape [origins, horizons].
        last_close: The close at each origin; shape [origins].
        mean: The point forecast of the close; shape [origins, horizons].
        actual: The close that came, NaN where it is not known yet; shape [origins, horizons].
        realised_variance: The sum of the squared one-candle log returns up to the target, NaN where
            it is not known yet; shape [origins, horizons].
        distribution: Of the log return from origin to target; None for a model that forecasts a
            point and no distribution.
        variance: The forecast of the log return's variance; shape [origins, horizons], or None.
            Apart from the distribution's own, for a heavy tail makes a poor estimate of that.
        bands: The calibrated ends of `BANDS`, prices; shape [origins, horizons, 6], or None where
            the distribution's own quantiles are all there is. See `candlecast.conformal`.
    """

    model: str
    horizons: tuple[int, ...]
    origin: NDArray[np.int64]
    time: NDArray[np.int64]
    last_close: Floats
    mean: Floats
    actual: Floats
    realised_variance: Floats
    distribution: Distribution | None = None
    variance: Floats | None = None
    bands: Floats | None = None

    @classmethod
    def at(
        cls,
        candles: Candles,
        origins: NDArray[np.int64],
        horizons: Sequence[int],
        model: str,
        mean: Floats,
        distribution: Distribution | None = None,
        variance: Floats | None = None,
        *,
        across_gaps: bool = False,
    ) -> Forecast:
        """Put times and known outcomes to what a model says.

        Args:
            candles: The candles forecast from.
            origins: Rows of the origins; shape [origins].
            horizons: Candles ahead.
            model: The model's name.
            mean: Prices; shape [origins, horizons].
            distribution: Of the log return, or None.
            variance: Of the log return; shape [origins, horizons], or None.
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
        total_variance = np.cumsum(np.diff(np.log(close), prepend=np.log(close[:1])) ** 2)
        realised = np.maximum(total_variance[rows] - total_variance[origins][:, None], 0.0)
        return cls(
            model=model,
            horizons=tuple(horizons),
            origin=times[origins],
            time=np.where(known, times[rows], by_clock),
            last_close=close[origins],
            mean=mean,
            actual=np.where(known, close[rows], np.nan),
            realised_variance=np.where(known, realised, np.nan),
            distribution=distribution,
            variance=variance,
        )

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> Forecast:
        """The forecast of one model again, from what `to_frame` gave."""
        horizons = tuple(frame["horizon"].unique().sort().to_list())
        shape = (frame.height // max(len(horizons), 1), len(horizons))

        def column(name: str) -> Floats:
            return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(shape)

        mean, last_close = column("mean"), column("last_close")[:, 0]
        known = [name for name in frame.columns if frame[name].null_count() == 0]
        numbers = [name for name in known if frame.schema[name] == pl.Float64]
        names = [f"calibrated_{name}" for name in BANDS]
        has_bands = set(names) <= set(frame.columns) and not frame[names[0]].is_null().all()
        return cls(
            model=str(frame["model"][0]),
            horizons=horizons,
            origin=frame["origin"].to_physical().to_numpy().reshape(shape)[:, 0],
            time=frame["time"].to_physical().to_numpy().reshape(shape),
            last_close=last_close,
            mean=mean,
            actual=column("actual"),
            realised_variance=column("realised_variance"),
            distribution=distribution_from(
                _log(mean / last_close[:, None]), {name: column(name) for name in numbers}
            ),
            variance=column("variance") if frame["variance"].null_count() == 0 else None,
            bands=np.stack([column(name) for name in names], axis=-1) if has_bands else None,
        )

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def quantiles(self) -> Floats | None:
        """The prices at the levels of `QUANTILES`, shape [origins, horizons, 7], if known."""
        if self.distribution is None:
            return None
        returns = self.distribution.quantiles(list(QUANTILES.values()))
        return np.asarray(self.last_close[:, None, None] * np.exp(returns))

    @property
    def actual_return(self) -> Floats:
        """The log return that came, NaN where it is not known; shape [origins, horizons]."""
        return np.asarray(np.log(self.actual / self.last_close[:, None]))

    @property
    def mean_return(self) -> Floats:
        """The log return to the point forecast; NaN where that is not above 0."""
        price = np.where(self.mean > 0, self.mean, np.nan)
        return np.asarray(np.log(price / self.last_close[:, None]))

    def take(self, places: NDArray[Any]) -> Forecast:
        """The forecast at some of its origins, named by place or by a mask."""
        spread = self.distribution
        return replace(
            self,
            origin=self.origin[places],
            time=self.time[places],
            last_close=self.last_close[places],
            mean=self.mean[places],
            actual=self.actual[places],
            realised_variance=self.realised_variance[places],
            distribution=None if spread is None else spread.take(places),
            variance=None if self.variance is None else self.variance[places],
            bands=None if self.bands is None else self.bands[places],
        )

    def to_frame(self) -> pl.DataFrame:
        """One row an origin and horizon, with the columns of `forecasts.parquet`.

        `model`, `origin`, `time`, `horizon`, `last_close`, `mean`, the quantiles and `actual`, then
        what Student's t is made of (`scale`, `degrees`; it lies around the log return to `mean`),
        `variance` and `realised_variance`, and the calibrated bands (`calibrated_q025` to
        `calibrated_q975`). Another distribution has columns of its own after them; see its
        `columns`. What is not known or not forecast is null.
        """
        rows, horizons = self.mean.shape
        quantiles = self.quantiles
        parts = {} if self.distribution is None else self.distribution.columns()

        def column(values: Floats | None) -> pl.Series:
            if values is None:
                return pl.Series([None] * (rows * horizons), dtype=pl.Float64)
            return pl.Series(np.broadcast_to(values, (rows, horizons)).ravel(), nan_to_null=True)

        columns = {
            "origin": pl.Series(np.repeat(self.origin, horizons)).cast(TIME),
            "time": pl.Series(self.time.ravel()).cast(TIME),
            "horizon": pl.Series(np.tile(np.asarray(self.horizons, dtype=np.int32), rows)),
            "last_close": pl.Series(np.repeat(self.last_close, horizons)),
            "mean": column(self.mean),
        }
        for place, name in enumerate(QUANTILES):
            columns[name] = column(None if quantiles is None else quantiles[:, :, place])
        columns |= {
            "actual": column(self.actual),
            "scale": column(parts.pop("scale", None)),
            "degrees": column(parts.pop("degrees", None)),
            "variance": column(self.variance),
            "realised_variance": column(self.realised_variance),
        }
        for place, name in enumerate(BANDS):
            bands = None if self.bands is None else self.bands[:, :, place]
            columns[f"calibrated_{name}"] = column(bands)
        columns |= {name: column(values) for name, values in parts.items()}
        model = pl.lit(self.model, dtype=pl.String).alias("model")
        return pl.DataFrame(columns).select(model, pl.all())


def _log(ratio: Floats) -> Floats:
    """The log, NaN where there is none: a model without a distribution may forecast any price."""
    return np.asarray(np.log(np.where(ratio > 0, ratio, np.nan)))
