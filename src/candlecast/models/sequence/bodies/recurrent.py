"""LSTM and GRU over a whole sequence."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory

Hidden = Annotated[int, Field(ge=1, le=65_536)]
Layers = Annotated[int, Field(ge=1, le=64)]


class SequenceLSTM(nn.Module):
    """Long Short-Term Memory (Hochreiter and Schmidhuber, 1997), read out at every step.

    Args:
        inputs: Features a row.
        hidden: Cells a layer.
        layers: Layers.
    """

    on_a_thread = True

    def __init__(self, inputs: int, hidden: Hidden = 64, layers: Layers = 1) -> None:
        super().__init__()
        self.width = hidden
        self.cells = nn.LSTM(inputs, hidden, num_layers=layers, batch_first=True)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        hidden, after = self.cells(rows, memory or None)
        return hidden, after


class SequenceGRU(nn.Module):
    """Gated recurrent units (Cho et al., 2014), read out at every step.

    Args:
        inputs: Features a row.
        hidden: Units a layer.
        layers: Layers.
    """

    on_a_thread = True

    def __init__(self, inputs: int, hidden: Hidden = 64, layers: Layers = 1) -> None:
        super().__init__()
        self.width = hidden
        self.units = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        hidden, after = self.units(rows, memory[0] if memory else None)
        return hidden, (after,)
