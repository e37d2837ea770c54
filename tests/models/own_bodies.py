"""Networks as a user may write them, good ones and bad ones, for tests."""
# ruff: noqa: ARG002, D101

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from candlecast.models.sequences.body import Memory

if TYPE_CHECKING:
    from typing import SupportsIndex


class Plain(nn.Module):
    """A body without memory."""

    def __init__(self, inputs: int, size: int = 2) -> None:
        super().__init__()
        self.width = size
        self.layer = nn.Linear(inputs, size)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        return self.layer(rows), ()


class NoWidth(Plain):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        del self.width


class WrongWidth(Plain):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.width = 7


class NoMemory(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> Tensor:  # type: ignore[override]
        return super().forward(rows)[0]


class MemoryOfText(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        return self.layer(rows), ("all",)  # type: ignore[return-value]


class Growing(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        seen = rows.transpose(0, 1)
        return self.layer(rows), (torch.cat([*memory, seen]),)


class Forgetful(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        return self.layer(rows.cumsum(1)), ()


class Clairvoyant(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        return self.layer(rows.flip(1).cumsum(1).flip(1)), ()


class Failing(Plain):
    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        raise KeyError("the door")


class Unmade(Plain):
    def __init__(self, inputs: int) -> None:
        raise LookupError("no stone")


class Loose(Plain):
    """Its signature says little of what it takes."""

    def __init__(self, inputs, kind, size: SupportsIndex = 2, **others) -> None:  # type: ignore[no-untyped-def]
        super().__init__(inputs, int(size))
        self.kind = kind
        self.others = others


class Windows(nn.Module):
    """A network of windows."""

    def __init__(self, inputs: int, outputs: int, rows: int = 8, lacking: int = 0) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs * rows, outputs - lacking)

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows to values."""
        value: Tensor = self.layer(windows.flatten(1))
        return value
