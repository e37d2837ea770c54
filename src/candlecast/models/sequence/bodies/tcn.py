"""The temporal convolutional network: dilated causal convolutions in residual blocks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.bodies.history import go_on, nothing_before

Channels = Annotated[int, Field(ge=1, le=65_536)]
Blocks = Annotated[int, Field(ge=1, le=16)]
Kernel = Annotated[int, Field(ge=2, le=64)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class SequenceTCN(nn.Module):
    """Temporal convolutional network (Bai, Kolter and Koltun, 2018, arXiv 1803.01271).

    Each block looks twice as far back as the one before it; together they see the last
    ``1 + 2 * (kernel - 1) * (2**blocks - 1)`` rows, 253 by default. The memory is what each
    convolution still needs of its own inputs. Before a sequence's start these are 0.

    Args:
        inputs: Features a row.
        channels: Values a layer.
        blocks: Residual blocks of two convolutions each.
        kernel: Values in time that a convolution weighs.
        dropout: The share of values dropped after each convolution while training.
    """

    def __init__(
        self,
        inputs: int,
        channels: Channels = 64,
        blocks: Blocks = 6,
        kernel: Kernel = 3,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__()
        self.width = channels
        self.blocks = nn.ModuleList(
            _Block(channels if place else inputs, channels, kernel, 2**place, dropout)
            for place in range(blocks)
        )

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        after: Memory = ()
        for place, block in enumerate(self.blocks):
            rows, kept = block(rows, memory[2 * place : 2 * place + 2])
            after += kept
        return rows, after


class _Block(nn.Module):
    """Two convolutions of the same reach, and what came in added to what they give."""

    def __init__(
        self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.first = _CausalConvolution(inputs, channels, kernel, dilation)
        self.second = _CausalConvolution(channels, channels, kernel, dilation)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Identity() if inputs == channels else nn.Linear(inputs, channels)

    def forward(self, rows: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        before, between = memory or (None, None)
        hidden, before = self.first(rows, before)
        hidden = self.dropout(hidden.relu())
        hidden, between = self.second(hidden, between)
        hidden = self.dropout(hidden.relu())
        return (hidden + self.skip(rows)).relu(), (before, between)


class _CausalConvolution(nn.Module):
    """A convolution over a row and some before it, with weight normalisation.

    Weight normalisation is by Salimans and Kingma (2016).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.weights = weight_norm(nn.Conv1d(inputs, outputs, kernel, dilation=dilation))

    def forward(self, rows: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        before = nothing_before(rows, self.reach) if before is None else before
        together, after = go_on(rows, before)
        return self.weights(together.transpose(1, 2)).transpose(1, 2), after
