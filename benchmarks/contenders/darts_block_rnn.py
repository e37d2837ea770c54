"""darts' `BlockRNNModel`, which with these arguments is the article's network to the number.

The close is the series, the other eight features are past covariates. Its data loader draws the
windows in a new order and cuts them one at a time, in the main process: its defaults, both.
"""

from __future__ import annotations

from darts import TimeSeries
from darts.models import BlockRNNModel
from pytorch_lightning.callbacks import LambdaCallback

from contenders.task import (
    BATCH,
    DROPOUT,
    HIDDEN,
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    StepClock,
    Task,
)


def train(task: Task, clock: StepClock) -> int:
    """Train for one epoch."""
    model = BlockRNNModel(
        model="LSTM",
        input_chunk_length=LOOKBACK,
        output_chunk_length=1,
        hidden_dim=HIDDEN,
        n_rnn_layers=LAYERS,
        dropout=DROPOUT,
        batch_size=BATCH,
        n_epochs=1,
        optimizer_kwargs={"lr": LEARNING_RATE},  # Adam and the squared error are its defaults
        random_state=SEED,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "callbacks": [LambdaCallback(on_train_batch_end=clock.batch_done)],
        },
    )
    rows = task.training  # float32, which the model then computes in
    model.fit(
        TimeSeries.from_values(rows[:, -1:]),
        past_covariates=TimeSeries.from_values(rows[:, :-1]),
    )
    return sum(weight.numel() for weight in model.model.parameters())
