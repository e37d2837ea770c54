"""`Baseline`: any rule of `candlecast.models.baselines` as a `Forecaster`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from candlecast.candles import Candles
from candlecast.distributions import SMALLEST_SCALE, Floats, StudentT
from candlecast.errors import InputError
from candlecast.features import target_values
from candlecast.forecast import Forecast
from candlecast.models.baselines import BASELINES
from candlecast.models.baselines.returns import Returns
from candlecast.models.baselines.rule import Moments
from candlecast.models.forecaster import State
from candlecast.models.spread import fit_spread
from candlecast.recipe import BaselineName, Count
from candlecast.splits import Split
from candlecast.windows import window_origins

FEWEST_SPANS = 10
"""Of the longest horizon, side by side: below that a spread is a guess."""


class BaselineSettings(BaseModel):
    """What a baseline needs to know beforehand.

    Attributes:
        rule: Its name in `BASELINES`.
        horizons: Candles ahead.
        across_gaps: Whether returns and targets may span a gap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: BaselineName
    horizons: tuple[Count, ...]
    across_gaps: bool = False


class Baseline:
    """Mean and variance by a rule, and Student's t around them, fitted for each horizon.

    The rule's state is carried on from all candles before the origin in its segment, so no lookback
    is lost at the start of a part; what is learned comes from the rows before the test part alone.
    """

    def __init__(self, settings: BaselineSettings) -> None:
        self.settings = settings
        self.learned_: Mapping[str, Floats]  # by the rule
        self.spread_: Floats  # of the standardised returns: scale, degrees, mean square; [3, h]

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.settings.rule

    def fit(self, candles: Candles, split: Split) -> Self:
        """Learn from the rows before the test part: there is nothing to choose by validation rows.

        Raises:
            InputError: If they hold too few spans of the longest horizon.
            CandlecastError: If the rule cannot be fitted to them.
        """
        rows, horizons = split.before_test, self.settings.horizons
        origins = self.origins(candles, rows, known=True)
        spans = -(-len(origins) // max(horizons))
        if spans < FEWEST_SPANS:
            raise InputError(
                f"{len(rows)} rows before the test part hold {spans} spans of {max(horizons)} "
                f"candles; a spread takes {FEWEST_SPANS}. Give more candles, or a shorter horizon."
            )
        returns = self._returns(candles)
        rule = BASELINES[self.settings.rule]
        self.learned_ = rule.fit(returns, rows, horizons)
        moments = self._moments(returns, origins)
        ahead = target_values(candles, "log_return", horizons)[origins]
        standard = (ahead - moments.location) / np.sqrt(moments.variance)
        self.spread_ = fit_spread(standard, horizons)
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """Every row, or every row whose targets are there."""
        ahead = max(self.settings.horizons) if known else 0
        return window_origins(
            candles, rows, lookback=1, ahead=ahead, across_gaps=self.settings.across_gaps
        )

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no origin, in words."""
        ahead = max(self.settings.horizons)
        gaps = "" if self.settings.across_gaps else " without a gap"
        return (
            f"the {part} part has {rows} rows and none has a target: it takes {ahead + 1} "
            f"candles{gaps}. Give more candles, or a shorter horizon."
        )

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """The rule's mean and variance at some rows, and the spread that was fitted."""
        scale, degrees, mean_square = self.spread_
        moments = self._moments(self._returns(candles), origins)
        close = candles.frame["close"].to_numpy()[origins]
        return Forecast.at(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            mean=close[:, None] * np.exp(moments.location),
            distribution=StudentT(
                moments.location, np.sqrt(moments.variance) * scale, degrees[None, :]
            ),
            variance=moments.variance * mean_square,
            across_gaps=self.settings.across_gaps,
        )

    def state(self) -> State:
        """The settings, what the rule learned, and the spread."""
        learned = {f"learned.{name}": values for name, values in self.learned_.items()}
        return State(self.settings.model_dump(mode="json"), learned | {"spread": self.spread_})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again."""
        model = cls(BaselineSettings.model_validate(state.document))
        model.learned_ = {
            name.removeprefix("learned."): np.asarray(values)
            for name, values in state.arrays.items()
            if name != "spread"
        }
        model.spread_ = np.asarray(state.arrays["spread"])
        return model

    def _returns(self, candles: Candles) -> Returns:
        return Returns.of(candles, across_gaps=self.settings.across_gaps)

    def _moments(self, returns: Returns, origins: NDArray[np.int64]) -> Moments:
        """The rule's moments at some rows, each array of shape [origins, horizons]."""
        horizons: Sequence[int] = self.settings.horizons
        moments = BASELINES[self.settings.rule].moments(self.learned_, returns, horizons)
        shape = (len(returns.values), len(horizons))
        return Moments(
            np.broadcast_to(moments.location, shape)[origins],
            np.maximum(np.broadcast_to(moments.variance, shape)[origins], SMALLEST_SCALE**2),
        )
