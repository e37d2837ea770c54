"""Networks as a user may write them, good ones and bad ones, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory

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
        del memory
        return self.layer(rows), ()


class NoWidth(Plain):
    """It does not say how many values it gives."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        del self.width


class WrongWidth(Plain):
    """It gives other than it says."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.width = 7


class NoMemory(nn.Module):
    """It gives values alone, as a network of windows does."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.width = 2
        self.layer = nn.Linear(inputs, 2)

    def forward(self, rows: Tensor, memory: Memory = ()) -> Tensor:
        """Values of each row."""
        del memory
        seen: Tensor = self.layer(rows)
        return seen


class MemoryOfText(nn.Module):
    """What it remembers is no tensor."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.width = 2
        self.layer = nn.Linear(inputs, 2)

    def forward(self, rows: Tensor, memory: tuple[str, ...] = ()) -> tuple[Tensor, tuple[str, ...]]:
        """Values of each row, and a word."""
        del memory
        return self.layer(rows), ("all",)


class Growing(Plain):
    """Its memory grows with every row."""

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Values of each row, and all rows so far."""
        seen = rows.transpose(0, 1)
        return self.layer(rows), (torch.cat([*memory, seen]),)


class Forgetful(Plain):
    """In pieces it does not see what it sees at once."""

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Sums of the rows of this piece."""
        del memory
        return self.layer(rows.cumsum(1)), ()


class Clairvoyant(Plain):
    """It reads the rows to come."""

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Sums of the rows to come."""
        del memory
        return self.layer(rows.flip(1).cumsum(1).flip(1)), ()


class Failing(Plain):
    """It fails on whatever it reads."""

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Nothing."""
        del rows, memory
        raise KeyError("the door")


class Unmade(Plain):
    """It cannot be made."""

    def __init__(self, inputs: int) -> None:
        del inputs
        raise LookupError("no stone")


class Loose(Plain):
    """Its signature says little of what it takes."""

    def __init__(
        self, inputs: int, kind: object, size: SupportsIndex = 2, **others: object
    ) -> None:
        super().__init__(inputs, int(size))
        self.kind = kind
        self.others = others


for unsaid in ("inputs", "kind", "others"):  # as if its writer had left these annotations out
    del Loose.__init__.__annotations__[unsaid]


class Windows(nn.Module):
    """A network of windows."""

    def __init__(self, inputs: int, outputs: int, rows: int = 8, lacking: int = 0) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs * rows, outputs - lacking)

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows to values."""
        value: Tensor = self.layer(windows.flatten(1))
        return value
