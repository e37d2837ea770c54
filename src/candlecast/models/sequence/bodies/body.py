"""`Body`: what reads a sequence of rows, whatever is made of what it saw."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

Memory = tuple[Tensor, ...]
"""All that a body knows of the rows before; empty at a sequence's start."""


class Body(Protocol):
    """A causal network: what it says of a row depends on that row and those before it alone.

    One that says ``on_a_thread = True`` may be run on a thread beside others of its kind: it draws
    no random numbers, and shares nothing that it changes.

    Attributes:
        width: How many values it gives for each row.
    """

    width: int

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Read rows, in order.

        Reading a sequence in pieces, with the memory handed on, gives the same as at once.

        Args:
            rows: Shape [batch, rows, inputs].
            memory: As the piece before returned it; each tensor's second axis is the batch's.

        Returns:
            What it saw, shape [batch, rows, width], and the memory to go on with, of the same size
            after every piece.
        """
        ...
