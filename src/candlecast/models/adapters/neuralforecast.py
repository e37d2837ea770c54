"""Models of Nixtla's neuralforecast, trained by its own trainer and asked directly.

A model reads log returns, each over the volatility that was known before it, and forecasts the next
ones; their sum up to a horizon is where the log return lies, in units of the volatility known at
the origin. The library's own `predict` cuts and trains anew around every call, so its networks are
asked here by batches of windows, as its own prediction step asks them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError, MissingCodeError
from candlecast.features import target_values
from candlecast.interrupt import catching_interrupt
from candlecast.models.adapters.foreign import AdapterSettings, Said, quiet
from candlecast.models.networks import checked_options
from candlecast.models.own_network import said as in_words
from candlecast.models.sequence.inputs import volatility_of
from candlecast.progress import Progress
from candlecast.recipe import NEURALFORECAST, Option
from candlecast.windows import WindowBatches

MODELS = (
    *("RNN", "GRU", "LSTM", "TCN", "DilatedRNN", "MLP", "NHITS", "NBEATS", "NBEATSx", "DLinear"),
    *("NLinear", "TFT", "VanillaTransformer", "Autoformer", "PatchTST", "FEDformer", "BiTCN"),
    *("TiDE", "DeepNPTS"),
)
"""Those of one series that keep the contract of a `Forecaster`.

Informer draws at random when it is asked, TimesNet reads the other windows of a batch, KAN comes to
other weights each time, DeepAR draws samples, and TimeLLM fetches a model from elsewhere.
"""

LOSSES = ("MSE", "MAE", "HuberLoss")
_WIDEST_RETURN = 10.0  # volatilities: rare extremes must not rule the fit
_BATCH = 512
_OWN = ("model", "loss")
_SET_HERE = (
    *("h", "input_size", "loss", "valid_loss", "random_seed", "alias"),
    # What there is one of, or none: a series, a column, a batch of series, a check on the way.
    *("batch_size", "valid_batch_size", "drop_last_loader", "val_check_steps", "val_monitor"),
    *("early_stop_patience_steps", "exclude_insample_y", "inference_windows_batch_size"),
    *("start_padding_enabled", "training_data_availability_threshold", "cat_emb_dim"),
    *("inference_input_size", "h_train", "recurrent"),
)


class NeuralForecast:
    """One of `MODELS`.

    Args:
        settings: Its options are ``model``, ``loss`` (of `LOSSES`; ``MSE``, for a mean, if it is
            not given) and what the model's constructor takes, such as ``max_steps``.
    """

    def __init__(self, settings: AdapterSettings) -> None:
        self._settings = settings
        self.options = dict(settings.options)
        self._model = _one_of("model", self.options.get("model"), MODELS)
        self._loss = _one_of("loss", self.options.get("loss", LOSSES[0]), LOSSES)
        self.network = self._fresh()

    @property
    def name(self) -> str:
        """The model's name in lower case."""
        return self._model.lower()

    @property
    def rows(self) -> int:
        """A candle more than returns."""
        return self._settings.lookback + 1

    def learn(
        self, candles: Candles, train: range, start: nn.Module | None, progress: Progress
    ) -> int:
        """Train it as its library does, on windows that straddle no gap.

        There each step draws from all windows of the series, and an epoch is a step.
        """
        from pytorch_lightning.callbacks import LambdaCallback

        network = self.network = self._fresh()
        if start is not None:
            network.load_state_dict(start.state_dict())
        series = _series(candles)[train.start : train.stop]
        series[0] = np.nan  # the candle before it is no train row
        progress.start(f"training of {self.name}", total=network.max_steps)
        with catching_interrupt() as interrupt, quiet():

            def step(*_: object) -> None:
                progress.advance()
                interrupt.obey()

            network.trainer_kwargs["callbacks"] = [LambdaCallback(on_train_batch_end=step)]
            try:
                network.fit(_data_set(series))
            except Exception as error:  # of others' code, which may raise whatever it likes
                raise CandlecastError(
                    f"neuralforecast cannot train its {self._model} ({in_words(error)}). Change "
                    "model.options."
                ) from error
            del network.trainer_kwargs["callbacks"]
        network.cpu()
        return int(network.max_steps)

    @torch.inference_mode()
    def said(self, candles: Candles, origins: NDArray[np.int64], progress: Progress) -> Said:
        """The sums of the returns that it forecasts; it says nothing of how far it may err."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = self.network.to(device).eval()
        series = torch.from_numpy(np.nan_to_num(_series(candles))[:, None])
        nothing = torch.empty(len(series), 0)
        windows = WindowBatches(
            series, nothing, torch.from_numpy(origins), self._settings.lookback, _BATCH
        ).to(device)
        progress.start(f"forecast of {self.name}", total=len(windows))
        steps: list[Tensor] = []
        for batch, _ in windows:
            steps.append(_next(network, batch).cpu())
            progress.advance()
        paths = torch.cat(steps).double().cumsum(dim=1).numpy()
        location = paths[:, np.array(self._settings.horizons) - 1]
        return Said(location, np.ones_like(location))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights."""
        weights = self.network.state_dict()
        return {name: value.cpu().numpy() for name, value in weights.items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take up weights."""
        self.network.load_state_dict(
            {name: torch.from_numpy(value) for name, value in arrays.items()}
        )

    def _fresh(self) -> Any:
        """A network with fresh weights."""
        models, losses = _library("models"), _library("losses.pytorch")
        made = getattr(models, self._model)
        given = {name: value for name, value in self.options.items() if name not in _OWN}
        arguments: dict[str, Any] = checked_options(
            self._model, made, given, set_here=_SET_HERE, extra=False
        )
        if "recurrent" in inspect.signature(made).parameters:
            arguments["recurrent"] = False  # or it would be asked step by step
        with quiet():
            try:
                return made(
                    h=max(self._settings.horizons),
                    input_size=self._settings.lookback,
                    loss=getattr(losses, self._loss)(),
                    random_seed=self._settings.seed,
                    training_data_availability_threshold=1.0,  # of a window, that it may be learned
                    devices=1,
                    logger=False,
                    enable_progress_bar=False,
                    enable_model_summary=False,
                    **arguments,
                )
            except Exception as error:  # of others' code, which may raise whatever it likes
                raise InputError(
                    f"neuralforecast cannot make its {self._model} with {arguments} "
                    f"({in_words(error)}). Change model.options."
                ) from error


def _one_of(key: str, given: Option | None, known: Sequence[str]) -> str:
    """What is given, if it is known."""
    if given not in known:
        problem = "is missing" if given is None else f"is {given!r}, which is not known here"
        raise InputError(f"model.options.{key} {problem}. Give one of {', '.join(known)}.")
    return str(given)


def _series(candles: Candles) -> NDArray[np.float32]:
    """Log returns over the volatility known before; NaN at a segment's first candle; [rows]."""
    series = np.full(len(candles), np.nan)
    came = target_values(candles, "log_return", [1])[:-1, 0]
    series[1:] = came / volatility_of(candles)[:-1]
    series[1:][np.diff(candles.segment_ids) != 0] = np.nan
    return series.clip(-_WIDEST_RETURN, _WIDEST_RETURN).astype(np.float32)


def _data_set(series: NDArray[np.float32]) -> Any:
    """The library's form of one series; where it is NaN, it is marked as not there."""
    import pandas as pd

    known = np.isfinite(series)
    return _library("tsdataset").TimeSeriesDataset(
        temporal=np.stack([np.nan_to_num(series), known.astype(np.float32)], axis=1),
        temporal_cols=pd.Index(["y", "available_mask"]),
        indptr=np.array([0, len(series)]),
        y_idx=0,
    )


def _next(network: Any, windows: Tensor) -> Tensor:
    """What a network forecasts of windows, through the library's scaler and back.

    Args:
        network: One of the library's.
        windows: Shape [batch, lookback, 1].

    Returns:
        The values of the next steps; shape [batch, steps].
    """
    scaler, columns = network.scaler, windows[..., None]  # [batch, lookback, columns, series]
    scaled = scaler.transform(x=columns, mask=torch.ones_like(columns))[:, :, 0]
    given = {"insample_y": scaled, "insample_mask": torch.ones_like(scaled)}
    others = dict.fromkeys(("futr_exog", "hist_exog", "stat_exog"))
    output = network.loss.domain_map(network(given | others))
    shift, scale = scaler.x_shift[:, :, 0], scaler.x_scale[:, :, 0]
    steps: Tensor = scaler.inverse_transform(z=output, x_shift=shift, x_scale=scale)
    return steps[..., 0]


def _library(module: str) -> Any:
    """A module of neuralforecast."""
    try:
        with quiet():
            return import_module(f"{NEURALFORECAST}.{module}")
    except ImportError as missing:
        raise MissingCodeError(
            f"the network {NEURALFORECAST} needs neuralforecast. Install it with: "
            f"pip install 'candlecast[{NEURALFORECAST}]' ({missing})"
        ) from missing
