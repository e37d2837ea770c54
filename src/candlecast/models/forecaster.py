"""`Forecaster`: what every model can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.forecast import Forecast
from candlecast.splits import Split


@dataclass(frozen=True)
class State:
    """All that a fitted model knows, in a form that can be saved.

    Attributes:
        document: Everything but the arrays; fit for JSON.
        arrays: The learned arrays by name.
    """

    document: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Forecaster(Protocol):
    """A model that learns from candles and forecasts the close some candles ahead.

    What it learned is in attributes that end in ``_``.
    """

    @property
    def name(self) -> str:
        """A lower-case word, such as ``lstm``."""
        ...

    def fit(self, candles: Candles, split: Split) -> Self:
        """Learn from the train rows, and choose by the validation rows; never look at test rows."""
        ...

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The rows that a forecast can be made at, reading nothing outside `rows`.

        Args:
            candles: The candles.
            rows: Where inputs (and, if `known`, targets) must lie.
            known: Only origins whose every target candle is there.

        Returns:
            Row numbers, rising; shape [origins].
        """
        ...

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """Forecast at some origins; nothing after an origin reaches its forecast."""
        ...

    def state(self) -> State:
        """What was learned, to be saved."""
        ...

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again, to the bit."""
        ...
