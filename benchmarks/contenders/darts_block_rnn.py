"""darts' `BlockRNNModel`, which with these arguments is the article's network to the number.

The close is the series, the other eight features are past covariates. Its data loader draws the
windows in a new order and cuts them one at a time, in the main process: its defaults, both.
"""

from __future__ import annotations

from darts import TimeSeries
from darts.models import BlockRNNModel
from darts.utils.data.torch_datasets.utils import PLModuleInput
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
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    Matrix,
    StepClock,
    Task,
)
from contenders.watch import Watch


def train(task: Task, clock: StepClock) -> int:
    """Train for one epoch."""
    model = _model(LambdaCallback(on_train_batch_end=clock.batch_done), epochs=1)
    _fit(model, task.training)
    return sum(weight.numel() for weight in model.model.parameters())


def learn(task: QualityTask, watch: Watch) -> None:
    """Train for the article's epochs, watched.

    Its network is asked for windows directly; `predict` says the same, window by window.
    """
    rows = ScaledRows.of(task)

    def forecast(network: nn.Module) -> Floats:
        return rows.forecast(network, _says)

    callback = LambdaCallback(**watch.hooks(forecast, epoch=rows.epoch))
    _fit(_model(callback, epochs=EPOCHS), rows.training)


def _model(callback: LambdaCallback, epochs: int) -> BlockRNNModel:
    return BlockRNNModel(
        model="LSTM",
        input_chunk_length=LOOKBACK,
        output_chunk_length=1,
        hidden_dim=HIDDEN,
        n_rnn_layers=LAYERS,
        dropout=DROPOUT,
        batch_size=BATCH,
        n_epochs=epochs,
        optimizer_kwargs={"lr": LEARNING_RATE},  # Adam and the squared error are its defaults
        random_state=SEED,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "callbacks": [callback],
        },
    )


def _fit(model: BlockRNNModel, rows: Matrix) -> None:
    model.fit(  # in float32, as the rows are
        TimeSeries.from_values(rows[:, -1:]),
        past_covariates=TimeSeries.from_values(rows[:, :-1]),
    )


def _says(network: nn.Module, windows: Tensor) -> Tensor:
    """The scaled close after each window."""
    said = network(PLModuleInput(windows[..., -1:], past_covariates=windows[..., :-1]))
    close: Tensor = said.prediction[:, 0, 0, 0]
    return close
