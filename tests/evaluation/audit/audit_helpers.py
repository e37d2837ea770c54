"""What the tests of the audit share: findings read, and an honest model of a third party."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit import Finding
from candlecast.forecast import Forecast
from candlecast.models.forecaster import State
from candlecast.recipe import SplitSettings
from candlecast.splits import Split, split_rows


def split_of(candles: Candles) -> Split:
    return split_rows(len(candles), SplitSettings(train=0.5, validation=0.25, embargo=2))


def only(findings: list[Finding]) -> Finding:
    """The one finding that is a leak."""
    (leak,) = (finding for finding in findings if finding.leak is not None)
    return leak


def leak_of(finding: Finding) -> str:
    assert finding.leak is not None
    return finding.leak


class Drift:
    """An honest model: the last close and the mean change of the train rows."""

    name = "drift"

    def __init__(self) -> None:
        self.price_scaler_ = 0.0

    def fit(self, candles: Candles, split: Split) -> Self:
        closes = candles.frame["close"].to_numpy()[split.train.start : split.train.stop]
        self.price_scaler_ = float(np.diff(closes).mean())
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        assert rows.stop <= len(candles)
        return np.arange(rows.start, rows.stop - int(known))

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        mean = self.prices(candles, origins) + self.price_scaler_
        return Forecast.at(candles, origins, (1,), self.name, mean=mean[:, None])

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        closes: Floats = candles.frame["close"].to_numpy()
        return closes[origins]

    def state(self) -> State:
        return State({"price_scaler": self.price_scaler_}, {})

    @classmethod
    def from_state(cls, state: State) -> Self:
        model = cls()
        model.price_scaler_ = state.document["price_scaler"]
        return model
