"""candlecast, by the function that every run trains with.

In the clock is all that a run does in mid-epoch: Lightning's loop, the callbacks that keep the
history and the resumable state, the deterministic algorithms, the gather of each batch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from candlecast import training
from candlecast.models.networks import build_network
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings
from candlecast.windows import WindowBatches
from contenders.task import (
    BATCH,
    DROPOUT,
    HIDDEN,
    INPUTS,
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    VALIDATION_WINDOWS,
    StepClock,
    Task,
)


class _TickingProgress(Progress):
    """The training tells its progress after each batch: there the clock listens."""

    def __init__(self, clock: StepClock) -> None:
        super().__init__(shown=False)
        self._clock = clock

    def advance(self) -> None:
        super().advance()
        self._clock.batch_done()


def train(task: Task, clock: StepClock) -> int:
    """Train for one epoch."""
    network = build_network(
        "lstm",
        inputs=INPUTS,
        outputs=1,
        lookback=LOOKBACK,
        options={"hidden": HIDDEN, "layers": LAYERS, "dropout": DROPOUT},
    )
    settings = TrainingSettings(
        learning_rate=LEARNING_RATE, batch_size=BATCH, max_epochs=1, patience=2
    )
    first_validation = task.windows + LOOKBACK
    with tempfile.TemporaryDirectory() as scratch:
        training.train(
            network,
            torch.nn.functional.mse_loss,
            _batches(task, 0, task.windows),
            _batches(task, first_validation, VALIDATION_WINDOWS),
            settings,
            SEED,
            Path(scratch),
            _TickingProgress(clock),
        )
    return sum(weight.numel() for weight in network.parameters())


def _batches(task: Task, first_row: int, windows: int) -> WindowBatches:
    inputs = torch.from_numpy(task.matrix)
    next_close = inputs[:, -1:].roll(-1, dims=0)  # the last row has none, and no window ends there
    first_origin = first_row + LOOKBACK - 1
    origins = torch.arange(first_origin, first_origin + windows)
    return WindowBatches(inputs, next_close, origins, LOOKBACK, BATCH)
