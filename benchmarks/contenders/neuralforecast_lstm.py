"""neuralforecast's `LSTM`, set as near to the article's network as its arguments allow.

`decoder_layers=1` makes its decoder one linear layer, so the network has the article's size to the
number. The close is the series, the other eight features are historic exogenous columns.

It draws 64 windows anew at each step, and one step is one epoch of Lightning's, since there is one
series. At each step it also looks through every window of the series for missing values, and that
work grows with the rows: the more windows the benchmark is given, the slower each of its steps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MSE
from neuralforecast.models import LSTM
from pytorch_lightning.callbacks import LambdaCallback
from torch import Tensor, nn

from candlecast.distributions import Floats
from contenders.quality_task import QualityTask
from contenders.scaled_rows import ScaledRows
from contenders.task import (
    BATCH,
    DROPOUT,
    EPOCHS,
    HIDDEN,
    INPUTS,
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    Matrix,
    StepClock,
    Task,
)
from contenders.watch import Watch

_EXOGENOUS = [f"feature_{column}" for column in range(INPUTS - 1)]


def train(task: Task, clock: StepClock) -> int:
    """Train for as many steps as one epoch has."""
    forecaster = _forecaster(steps=task.batches)
    _call_back(forecaster, LambdaCallback(on_train_batch_end=clock.batch_done))
    forecaster.fit(df=_frame(task.training), val_size=0)
    return sum(weight.numel() for weight in forecaster.models[0].parameters())


def learn(task: QualityTask, watch: Watch) -> None:
    """Train for as many steps as the article's epochs have, watched.

    Its network is asked for windows directly; `predict` says the same, window by window.
    """
    rows = ScaledRows.of(task)
    forecaster = _forecaster(steps=EPOCHS * rows.epoch)

    def forecast(network: nn.Module) -> Floats:
        return rows.forecast(network, _says)

    _call_back(forecaster, LambdaCallback(**watch.hooks(forecast, epoch=rows.epoch)))
    forecaster.fit(df=_frame(rows.training), val_size=0)


def _forecaster(steps: int) -> NeuralForecast:
    model = LSTM(
        h=1,
        input_size=LOOKBACK,
        hist_exog_list=_EXOGENOUS,
        encoder_n_layers=LAYERS,
        encoder_hidden_size=HIDDEN,
        encoder_dropout=DROPOUT,
        decoder_layers=1,
        loss=MSE(),
        learning_rate=LEARNING_RATE,
        scaler_type="identity",  # the matrix is scaled already
        batch_size=1,  # series
        windows_batch_size=BATCH,
        max_steps=steps,
        val_check_steps=steps,
        random_seed=SEED,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return NeuralForecast(models=[model], freq="min")


def _call_back(forecaster: NeuralForecast, callback: LambdaCallback) -> None:
    """It copied the model, and with it would have copied the clock: so the clock comes after."""
    forecaster.models[0].trainer_kwargs["callbacks"] = [callback]


def _frame(rows: Matrix) -> pd.DataFrame:
    frame = pd.DataFrame(rows[:, :-1].astype(np.float64), columns=_EXOGENOUS)
    frame["unique_id"] = "candles"
    frame["ds"] = pd.date_range("2021-01-01", periods=len(rows), freq="min")
    frame["y"] = rows[:, -1].astype(np.float64)
    return frame


def _says(network: nn.Module, windows: Tensor) -> Tensor:
    """The scaled close after each window."""
    inputs = {
        "insample_y": windows[..., -1:],
        "hist_exog": windows[..., :-1],
        "futr_exog": None,
        "stat_exog": None,
    }
    said: Tensor = network(inputs)
    return said[:, -1, 0]
