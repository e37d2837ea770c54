"""The least that PyTorch can do: a loop over batches that lie ready in memory.

Every batch is cut before the clock starts, so the loop is spared even the gather that candlecast
does for each. It is an upper bound, not a way to work: the windows take 120 times the matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from candlecast.models.windowed.lstm import LSTM
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


def train(task: Task, clock: StepClock) -> int:
    """Train for one epoch."""
    torch.manual_seed(SEED)
    batches = _batches(task)
    network = LSTM(inputs=INPUTS, outputs=1, hidden=HIDDEN, layers=LAYERS, dropout=DROPOUT)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for inputs, targets in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(inputs), targets)
        loss.backward()
        optimizer.step()
        clock.batch_done()
    return sum(weight.numel() for weight in network.parameters())


def _batches(task: Task) -> list[tuple[Tensor, Tensor]]:
    rows = torch.from_numpy(task.training)
    starts = torch.arange(task.windows).split(BATCH)
    steps = torch.arange(LOOKBACK)
    return [(rows[first[:, None] + steps], rows[first + LOOKBACK, -1:]) for first in starts]
