"""A network as a `Forecaster`: features, scaling, windows, training and the way back to prices."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.features import TargetName, compute_features, target_values, to_price
from candlecast.features.own import own_features
from candlecast.forecast import Forecast
from candlecast.models.forecaster import State
from candlecast.models.networks import build_network
from candlecast.models.spread import fit_spread, with_spread
from candlecast.models.trained_network import TrainedNetwork
from candlecast.recipe import Count, Option, Recipe, TrainingSettings
from candlecast.scaling import SCALERS, Scaler, ScalerName
from candlecast.splits import Split
from candlecast.windows import WindowBatches, window_origins

_log = logging.getLogger("candlecast")
_FORECAST_BATCH = 512
_ENOUGH_ERRORS = 20_000  # to fit a spread to; of more, one in so many


class NetworkSettings(BaseModel):
    """All that a network's forecasts depend on, apart from what it learns.

    Attributes:
        network: The network's name, or where to import it from.
        options: What its constructor takes.
        features: Its inputs, in order.
        features_file_sha256: Of the file of the user's own features among them.
        target: What it forecasts.
        horizons: Candles ahead.
        scaler: How inputs and target are scaled.
        lookback: Rows of input.
        across_gaps: Whether windows may straddle gaps.
        seed: Of its first weights and its training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    options: dict[str, Option]
    features: tuple[str, ...]
    features_file_sha256: str | None = None
    target: TargetName
    horizons: tuple[Count, ...]
    scaler: ScalerName
    lookback: Count
    across_gaps: bool
    seed: int

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """What a recipe says of its network; it must have one."""
        model = recipe.needed_model()
        return cls(
            network=model.network,
            options=model.options,
            features=recipe.features,
            features_file_sha256=recipe.features_file_sha256,
            target=recipe.target,
            horizons=recipe.horizons,
            scaler=recipe.scaler,
            lookback=recipe.windows.lookback,
            across_gaps=recipe.windows.across_gaps,
            seed=recipe.seed,
        )


class NetworkForecaster(TrainedNetwork[NetworkSettings, nn.Module]):
    """Any network of `candlecast.models.networks`, trained on windows of scaled features.

    Its arguments are those of `TrainedNetwork`.
    """

    feature_scaler_: Scaler
    target_scaler_: Scaler
    spread_: Floats | None = None  # of the errors, as `fit_spread` gives it

    def fit(self, candles: Candles, split: Split) -> Self:
        """Fit the scalers on the train rows, train the network, and learn how far it errs.

        A network here forecasts a point. Around it lies Student's t, at all times the same, as wide
        as the errors on the validation rows were; on the train rows' if the validation rows are
        those of the test.

        Raises:
            InputError: If a part has too few rows for one window, or a column is constant.
            RunInterruptedError: If Ctrl-C was pressed.
        """
        settings, self.spread_ = self._begin_anew(), None
        began = time.perf_counter()
        training, validation = self._prepare(candles, split, settings)
        self.prepare_s_ = time.perf_counter() - began
        _log.info(
            "%s: %s parameters, %s train windows, %s validation windows",
            self.name,
            f"{self.parameters:,}",
            f"{len(training.origins):,}",
            f"{len(validation.origins):,}",
        )
        self._train(nn.functional.mse_loss, settings, training, validation)
        self.spread_ = self._errors_spread(candles, split)
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The last rows of every whole lookback."""
        return window_origins(
            candles,
            rows,
            self.settings.lookback,
            ahead=max(self.settings.horizons) if known else 0,
            across_gaps=self.settings.across_gaps,
        )

    @torch.inference_mode()
    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """Run the frozen network over the windows, in batches, and turn its output into prices."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = self.network_.to(device).eval()
        inputs = self.inputs(candles)
        unknown = torch.empty(len(inputs), 0)
        windows = WindowBatches(
            inputs, unknown, torch.from_numpy(origins), self.settings.lookback, _FORECAST_BATCH
        ).to(device)
        self.progress.start(f"forecast of {self.name}", total=len(windows))
        outputs = [torch.empty(0, len(self.settings.horizons))]
        for batch, _ in windows:
            outputs.append(network(batch).cpu())
            self.progress.advance()
        return self._in_price(candles, origins, torch.cat(outputs).double().numpy())

    def inputs(self, candles: Candles) -> Tensor:
        """What the network reads of every candle: scaled features, shape [rows, features]."""
        features = self._features(candles, self.settings.features)
        return _as_float32(self.feature_scaler_.transform(features))

    def state(self) -> State:
        """The settings, the scalers and the weights."""
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "feature_scaler": self.feature_scaler_.model_dump(mode="json"),
            "target_scaler": self.target_scaler_.model_dump(mode="json"),
            "spread": None if self.spread_ is None else self.spread_.tolist(),
        }
        weights = self.network_.state_dict()
        return State(document, {name: value.cpu().numpy() for name, value in weights.items()})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again, to the bit."""
        model = cls(NetworkSettings.model_validate(state.document["settings"]))
        model.feature_scaler_ = Scaler.model_validate(state.document["feature_scaler"])
        model.target_scaler_ = Scaler.model_validate(state.document["target_scaler"])
        columns = (model.feature_scaler_.columns, model.target_scaler_.columns)
        if columns != (model.settings.features, (model.settings.target,)):
            raise ValueError(f"the scalers are of other columns: {columns}")
        spread = state.document.get("spread")
        model.spread_ = None if spread is None else np.asarray(spread, dtype=np.float64)
        model.network_.load_state_dict(
            {name: torch.from_numpy(value) for name, value in state.arrays.items()}
        )
        return model

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no window, in words."""
        lookback, ahead = self.settings.lookback, max(self.settings.horizons)
        gaps = "" if self.settings.across_gaps else " without a gap"
        return (
            f"the {part} part has {rows} rows and no window fits: one needs {lookback + ahead} "
            f"candles{gaps} (lookback {lookback}, horizon {ahead}). Give more candles, or a "
            "shorter lookback or horizon."
        )

    def _fresh_network(self) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            return build_network(
                self.settings.network,
                inputs=len(self.settings.features),
                outputs=len(self.settings.horizons),
                lookback=self.settings.lookback,
                options=self.settings.options,
            )

    def _prepare(
        self, candles: Candles, split: Split, training: TrainingSettings
    ) -> tuple[WindowBatches, WindowBatches]:
        """Scalers from the train rows, then the windows of both parts over the same matrices."""
        train_rows = slice(split.train.start, split.train.stop)
        features = self._features(candles, self.settings.features)
        target = self._features(candles, [self.settings.target])
        fit_scaler = SCALERS[self.settings.scaler]
        self.feature_scaler_ = fit_scaler(features[train_rows], self.settings.features)
        self.target_scaler_ = fit_scaler(target[train_rows], [self.settings.target])
        inputs = _as_float32(self.feature_scaler_.transform(features))
        targets = _as_float32(
            self._horizon_scaler.transform(
                target_values(candles, self.settings.target, self.settings.horizons)
            )
        )
        return (
            self._batches(candles, split.train, "train", inputs, targets, training),
            self._batches(candles, split.validation, "validation", inputs, targets, training),
        )

    def _batches(
        self,
        candles: Candles,
        rows: range,
        part: str,
        inputs: Tensor,
        targets: Tensor,
        training: TrainingSettings,
    ) -> WindowBatches:
        origins = self.origins(candles, rows, known=True)
        if not origins.size:
            raise InputError(self.no_window(part, len(rows)))
        learning = part == "train"
        return WindowBatches(
            inputs,
            targets,
            torch.from_numpy(origins),
            self.settings.lookback,
            training.batch_size if learning else _FORECAST_BATCH,
            self.settings.seed if learning and training.shuffle else None,
        )

    def _features(self, candles: Candles, names: Sequence[str]) -> Floats:
        own = own_features(self.settings.features_file_sha256)
        return compute_features(candles, names, across_gaps=self.settings.across_gaps, own=own)

    @property
    def _horizon_scaler(self) -> Scaler:
        """The target's scaler, once for each horizon."""
        return self.target_scaler_.repeat(self.settings.target, len(self.settings.horizons))

    def _in_price(self, candles: Candles, origins: NDArray[np.int64], outputs: Floats) -> Forecast:
        values = self._horizon_scaler.inverse(outputs)
        last_close = candles.frame["close"].to_numpy()[origins]
        forecast = Forecast.at(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            mean=to_price(self.settings.target, values, last_close),
            across_gaps=self.settings.across_gaps,
        )
        return forecast if self.spread_ is None else with_spread(forecast, self.spread_)

    def _errors_spread(self, candles: Candles, split: Split) -> Floats | None:
        """The spread of the network's errors on rows that it was not trained on, if there are any.

        None where a forecast is no price, so that its error is no log return.
        """
        rows = split.train if split.validates_on_test else split.validation
        origins = self.origins(candles, rows, known=True)
        forecast = self.forecast(candles, origins[:: 1 + len(origins) // _ENOUGH_ERRORS])
        errors = forecast.actual_return - forecast.mean_return
        return fit_spread(errors) if np.isfinite(errors).all() else None


def _as_float32(values: Floats) -> Tensor:
    with np.errstate(over="ignore"):  # becomes infinite, and the training says that it diverged
        return torch.from_numpy(values.astype(np.float32))
