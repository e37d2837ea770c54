"""A causal Transformer whose every layer looks back a fixed number of rows."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.bodies.history import go_on, nothing_before

Width = Annotated[int, Field(ge=1, le=65_536)]
Layers = Annotated[int, Field(ge=1, le=64)]
Lookback = Annotated[int, Field(ge=1, le=65_536)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

_NOT_THERE = -1e9  # not infinite: a row that fills up a block reaches none, and would be NaN


class SequenceTransformer(nn.Module):
    """Transformer (Vaswani et al., 2017) with a sliding window (Beltagy et al., 2020).

    Layers are normalised before and not after (Xiong et al., 2020). Where a row stands is told by
    a learned bias for each distance between two rows (Raffel et al., 2020), so that it matters how
    long ago something was and not where the sequence began. Rows are attended to in blocks, so that
    time and memory grow with the number of rows and not with its square.

    The memory is each layer's keys and values of the last rows, and which of them were there.

    Args:
        inputs: Features a row.
        width: Values a row; a multiple of `heads`.
        heads: Of attention.
        layers: Layers.
        lookback: Rows that a layer attends to, the newest included.
        dropout: The share of values dropped after attention and after each layer's network, while
            training.
    """

    def __init__(
        self,
        inputs: int,
        width: Width = 64,
        heads: Width = 4,
        layers: Layers = 2,
        lookback: Lookback = 60,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be shared by {heads} heads alike")
        self.width = width
        self.enter = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(_Layer(width, heads, lookback, dropout) for _ in range(layers))
        self.leave = nn.LayerNorm(width)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        seen = self.enter(rows)
        after: Memory = ()
        for place, layer in enumerate(self.layers):
            seen, kept = layer(seen, memory[2 * place : 2 * place + 2])
            after += kept
        return self.leave(seen), after


class _Layer(nn.Module):
    """Attention and a small network, what came in added to what each gives."""

    def __init__(self, width: int, heads: int, lookback: int, dropout: float) -> None:
        super().__init__()
        self.attention = _WindowAttention(width, heads, lookback)
        self.before_attention = nn.LayerNorm(width)
        self.network = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        said, after = self.attention(self.before_attention(rows), memory)
        rows = rows + self.dropout(said)
        return rows + self.dropout(self.network(rows)), after


class _WindowAttention(nn.Module):
    """Attention of each row to itself and the rows before it, `lookback` in all."""

    def __init__(self, width: int, heads: int, lookback: int) -> None:
        super().__init__()
        self.heads = heads
        self.lookback = lookback
        self.query = nn.Linear(width, width, bias=False)
        self.keys_values = nn.Linear(width, 2 * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads, lookback))  # the oldest first
        self.leave = nn.Linear(width, width)

    def forward(self, rows: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        asked, told = self.query(rows), self.keys_values(rows)
        here = torch.ones_like(rows[:, :, :1])
        before, was_there = memory or (
            nothing_before(told, self.lookback - 1),
            nothing_before(here, self.lookback - 1),
        )
        told, before = go_on(told, before)
        here, was_there = go_on(here, was_there)
        return self.leave(self._attend(asked, told, here)), (before, was_there)

    def _attend(self, asked: Tensor, told: Tensor, here: Tensor) -> Tensor:
        """What each row makes of those in its window.

        Args:
            asked: Queries; shape [batch, rows, width].
            told: Keys and values, from `lookback - 1` rows before; [batch, rows before and rows,
                2 * width].
            here: 1 where there is such a row, else 0; [batch, rows before and rows, 1].

        Returns:
            Shape [batch, rows, width].
        """
        count = asked.shape[1]
        block = min(self.lookback, count)
        lacking = -count % block  # rows that fill the last block, and that nobody hears
        asked, told, here = (
            nn.functional.pad(each, (0, 0, 0, lacking)) for each in (asked, told, here)
        )
        width = block + self.lookback - 1  # rows that a block reaches
        queries = asked.unflatten(1, (-1, block)).unflatten(-1, (self.heads, -1)).transpose(2, 3)
        reached = told.unfold(1, width, block).transpose(2, 3)
        keys, values = reached.unflatten(-1, (2, self.heads, -1)).unbind(3)
        absent = (1 - here.unfold(1, width, block)[:, :, :, None, :]) * _NOT_THERE
        scores = queries / queries.shape[-1] ** 0.5 @ keys.permute(0, 1, 3, 4, 2)
        scores = scores + self._banded(block) + absent
        heard: Tensor = scores.softmax(-1) @ values.transpose(2, 3)
        return heard.transpose(2, 3).flatten(3).flatten(1, 2)[:, :count]

    def _banded(self, block: int) -> Tensor:
        """The bias between each row of a block and each that the block reaches.

        Row i reaches columns i to i + lookback - 1; the others are minus infinity. The biases and
        as many infinities as make a line one longer than the matrix is wide are laid out line after
        line; read off in the matrix's width, each line stands one to the right of that before.

        Returns:
            Shape [heads, block, block + lookback - 1].
        """
        line = nn.functional.pad(self.bias, (0, block), value=-torch.inf)
        lines = line[:, None].expand(-1, block, -1).flatten(1)
        width = block + self.lookback - 1
        banded: Tensor = lines[:, : block * width].unflatten(1, (block, width))
        return banded
