"""Another library's model as a `Forecaster`: windows, units, spread and the way back to prices.

The model says where the log return lies and, if it can, how far it may err, in units of the
volatility known at the origin. Around that lies Student's t, as wide beside what it says, and with
as fat tails, as its errors on the validation rows were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import nn

from candlecast.candles import Candles
from candlecast.distributions import Floats, StudentT
from candlecast.errors import CandlecastError, InputError
from candlecast.features import target_values
from candlecast.forecast import Forecast
from candlecast.models.adapters.chronos import Chronos
from candlecast.models.adapters.foreign import AdapterSettings, Foreign, Said
from candlecast.models.adapters.neuralforecast import NeuralForecast
from candlecast.models.forecaster import State
from candlecast.models.in_price import in_price
from candlecast.models.sequence.inputs import volatility_of
from candlecast.models.sequence.rows import until
from candlecast.models.spread import fit_spread
from candlecast.progress import Progress
from candlecast.splits import Split
from candlecast.training import TrainingOutcome
from candlecast.windows import window_origins

_log = logging.getLogger("candlecast")
_ENOUGH_ERRORS = 4_000  # to fit a spread to; of more, one in so many
_LIBRARIES: dict[str, Callable[[AdapterSettings], Foreign]] = {
    "neuralforecast": NeuralForecast,
    "chronos": Chronos,
}


class AdapterForecaster:
    """A model of neuralforecast or a Chronos model, trained by its own library or not at all.

    Args:
        settings: What to make.
        checkpoints: Not used: what is interrupted begins anew.
        progress: Where progress is shown.

    Raises:
        InputError: If the library has no such model, or does not take an option.
        MissingCodeError: If the library is not installed.
        MissingWeightsError: If a saved model's weights folder is not there, or is another.
    """

    def __init__(
        self,
        settings: AdapterSettings,
        checkpoints: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.foreign = _LIBRARIES[settings.network](settings)
        self.settings = settings.model_copy(update={"options": self.foreign.options})
        self.checkpoints = checkpoints
        self.progress = progress or Progress(shown=False)
        self.start: nn.Module | None = None
        self.spread_: Floats  # of the errors: scale, degrees, mean square; shape [3, horizons]
        self.outcome_: TrainingOutcome
        self.prepare_s_ = 0.0

    @property
    def name(self) -> str:
        """The model's own name in lower case."""
        return self.foreign.name

    @property
    def network_(self) -> nn.Module:
        """The library's network."""
        return self.foreign.network

    @property
    def parameters(self) -> int:
        """How many numbers the network has learned, wherever that was."""
        return sum(weight.numel() for weight in self.network_.parameters())

    def fit(self, candles: Candles, split: Split) -> Self:
        """Let the model learn from the train rows, and see how far it errs on the validation rows.

        It is the train rows that are looked at if the validation rows are those of the test.

        Raises:
            InputError: If a part has no window.
            CandlecastError: If the library cannot train it, or what it says is not finite.
            RunInterruptedError: If Ctrl-C was pressed.
        """
        checked = split.train if split.validates_on_test else split.validation
        self._known("train", candles, split.train)
        origins = self._known("validation", candles, checked)
        seen = until(candles, split.train.stop)
        epochs = self.foreign.learn(seen, split.train, self.start, self.progress)
        few = origins[:: 1 + len(origins) // _ENOUGH_ERRORS]
        loss = self._weigh(until(candles, checked.stop), few)
        self.outcome_ = TrainingOutcome(epochs, epochs, loss, ())  # no losses on the way
        _log.info("%s: %s parameters, val_loss %.4g", self.name, f"{self.parameters:,}", loss)
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The last rows of every whole window."""
        ahead = max(self.settings.horizons) if known else 0
        return window_origins(candles, rows, self.foreign.rows, ahead)

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """What the model says of the origins, in price."""
        seen = until(candles, int(origins[-1]) + 1 if len(origins) else 0)
        nothing = np.empty((0, len(self.settings.horizons)))  # libraries trip over an empty batch
        said = Said(nothing, nothing)
        if len(origins):
            said = self.foreign.said(seen, origins, self.progress)
        scale, degrees, mean_square = self.spread_
        return in_price(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            spread=StudentT(said.location, said.width * scale, degrees[None, :]),
            variance=said.width**2 * mean_square,
        )

    def state(self) -> State:
        """The settings, the spread, and the weights if it learned any."""
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "spread": self.spread_.tolist(),
        }
        return State(document, self.foreign.arrays())

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again, to the bit."""
        model = cls(AdapterSettings.model_validate(state.document["settings"]))
        model.foreign.restore(dict(state.arrays))
        model.spread_ = np.asarray(state.document["spread"], dtype=np.float64)
        if model.spread_.shape != (3, len(model.settings.horizons)):
            raise ValueError(f"the spread has the shape {model.spread_.shape}")
        return model

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no window, in words."""
        needed, ahead = self.foreign.rows, max(self.settings.horizons)
        return (
            f"the {part} part has {rows} rows and no window of {self.name} fits: one needs "
            f"{needed + ahead} candles without a gap ({needed} up to its origin, {ahead} after "
            "it). Give more candles, or a shorter lookback or horizon."
        )

    def _known(self, part: str, candles: Candles, rows: range) -> NDArray[np.int64]:
        """The origins of a part whose targets are there."""
        origins = self.origins(candles, rows, known=True)
        if not origins.size:
            raise InputError(self.no_window(part, len(rows)))
        return origins

    def _weigh(self, candles: Candles, origins: NDArray[np.int64]) -> float:
        """Learn the spread from what the model says and what came; return the mean square error."""
        said = self.foreign.said(candles, origins, self.progress)
        returns = target_values(candles, "log_return", self.settings.horizons)[origins]
        errors = returns / volatility_of(candles)[origins, None] - said.location
        if not (np.isfinite(errors).all() and np.isfinite(said.width).all()):
            raise CandlecastError(
                f"what {self.name} says of the validation rows is not finite: its training "
                "diverged, or its weights are damaged. Change model.options."
            )
        self.spread_ = fit_spread(errors / said.width)
        return float(np.mean(errors**2))
