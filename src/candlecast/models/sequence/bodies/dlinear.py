"""DLinear: the trend of the last rows and what is left of them, each through a linear layer."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.bodies.history import go_on, stood_still

Width = Annotated[int, Field(ge=1, le=65_536)]
Lookback = Annotated[int, Field(ge=1, le=65_536)]


class SequenceDLinear(nn.Module):
    """DLinear (Zeng et al., 2023, "Are Transformers Effective for Time Series Forecasting?").

    The trend is a moving average. Theirs is centred; here it is that of a row and those before it,
    so that no row is told of one to come. The layers map the last rows of both to some values for
    every row, so they are one convolution.

    The memory is the last rows. Before its first row a sequence is taken to have stood still, as
    theirs is beyond its window.

    Args:
        inputs: Features a row.
        width: Values it gives for each row.
        lookback: Rows of trend and remainder that it sees, the newest included.
        average: Rows that the trend is averaged over.
    """

    on_a_thread = True

    def __init__(
        self, inputs: int, width: Width = 32, lookback: Lookback = 60, average: Lookback = 25
    ) -> None:
        super().__init__()
        self.width = width
        self.average = average
        self.reach = lookback - 1 + average - 1
        self.layers = nn.Conv1d(2 * inputs, width, lookback)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        before = memory[0] if memory else stood_still(rows, self.reach)
        together, after = go_on(rows, before)
        columns = together.transpose(1, 2)
        trend = nn.functional.avg_pool1d(columns, self.average, stride=1)
        remainder = columns[:, :, self.average - 1 :] - trend
        return self.layers(torch.cat([trend, remainder], dim=1)).transpose(1, 2), (after,)
