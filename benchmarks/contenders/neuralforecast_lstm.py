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

from contenders.task import (
    BATCH,
    DROPOUT,
    HIDDEN,
    INPUTS,
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    StepClock,
    Task,
)

_EXOGENOUS = [f"feature_{column}" for column in range(INPUTS - 1)]


def train(task: Task, clock: StepClock) -> int:
    """Train for as many steps as one epoch has."""
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
        max_steps=task.batches,
        val_check_steps=task.batches,
        random_seed=SEED,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    forecaster = NeuralForecast(models=[model], freq="min")
    # It copies the model, and with it would copy the clock: so the clock comes after.
    ticking = LambdaCallback(on_train_batch_end=clock.batch_done)
    forecaster.models[0].trainer_kwargs["callbacks"] = [ticking]
    forecaster.fit(df=_frame(task), val_size=0)
    return sum(weight.numel() for weight in forecaster.models[0].parameters())


def _frame(task: Task) -> pd.DataFrame:
    rows = task.training
    frame = pd.DataFrame(rows[:, :-1].astype(np.float64), columns=_EXOGENOUS)
    frame["unique_id"] = "candles"
    frame["ds"] = pd.date_range("2021-01-01", periods=len(rows), freq="min")
    frame["y"] = rows[:, -1].astype(np.float64)
    return frame
