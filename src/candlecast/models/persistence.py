"""Persistence: the price stays where it is. What every other model has to beat."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import target_values
from candlecast.forecast import QUANTILES, Floats, Forecast
from candlecast.models.forecaster import State
from candlecast.recipe import Count
from candlecast.splits import Split
from candlecast.windows import window_origins


class PersistenceSettings(BaseModel):
    """What persistence needs to know beforehand.

    Attributes:
        horizons: Candles ahead.
        across_gaps: Whether a target may lie beyond a gap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizons: tuple[Count, ...]
    across_gaps: bool = False


class Persistence:
    """Forecasts the last close, with the spread that log returns had on the train rows."""

    name = "persistence"

    def __init__(self, settings: PersistenceSettings) -> None:
        self.settings = settings
        self.spread_: Floats  # log return at each horizon and level of QUANTILES; [horizons, 7]

    def fit(self, candles: Candles, split: Split) -> Self:
        """Learn the quantiles of the log return at each horizon.

        Raises:
            InputError: If the train rows hold no pair of candles the longest horizon apart.
        """
        origins = self.origins(candles, split.train, known=True)
        if not origins.size:
            raise InputError(
                f"the train part has no two candles {max(self.settings.horizons)} apart. "
                "Give more candles, or shorter horizons."
            )
        returns = target_values(candles, "log_return", self.settings.horizons)[origins]
        self.spread_ = np.quantile(returns, list(QUANTILES.values()), axis=0).T
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """Every row, or every row whose targets are there."""
        ahead = max(self.settings.horizons) if known else 0
        return window_origins(
            candles, rows, lookback=1, ahead=ahead, across_gaps=self.settings.across_gaps
        )

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """The last close, and the train rows' spread around it."""
        close = candles.frame["close"].to_numpy()[origins]
        return Forecast.at(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            mean=np.repeat(close[:, None], len(self.settings.horizons), axis=1),
            quantiles=close[:, None, None] * np.exp(self.spread_),
            across_gaps=self.settings.across_gaps,
        )

    def state(self) -> State:
        """The settings and the spread."""
        return State(self.settings.model_dump(mode="json"), {"spread": self.spread_})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again."""
        model = cls(PersistenceSettings.model_validate(state.document))
        model.spread_ = np.asarray(state.arrays["spread"])
        return model
