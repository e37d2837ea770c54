"""The article's network: an LSTM whose last hidden state goes into one linear layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class LSTM(nn.Module):
    """Stacked LSTM over a window, read out at its last step.

    Long Short-Term Memory is by Hochreiter and Schmidhuber (1997).

    Args:
        inputs: Features a row.
        outputs: Values to forecast.
        hidden: Cells a layer.
        layers: Layers.
        dropout: The share of cells dropped between layers while training; one layer has none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Annotated[int, Field(ge=1, le=65_536)] = 128,
        layers: Annotated[int, Field(ge=1, le=64)] = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            inputs,
            hidden,
            num_layers=layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.regressor = nn.Linear(hidden, outputs)

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows, shape [batch, lookback, inputs], to values, shape [batch, outputs]."""
        _, (hidden, _) = self.lstm(windows)
        value: Tensor = self.regressor(hidden[-1])
        return value
