"""The network of a sequence forecaster: several bodies alike, each with a readout of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.side_by_side import at_once, may_be_at_once, seen_at_once

_SMALL = 0.1


class Member(nn.Module):
    """A body, and a linear readout of what it saw.

    Args:
        body: A `Body`.
        outputs: Values for each row.
        dropout: The share of the body's values that is dropped before the readout in training.
    """

    def __init__(self, body: nn.Module, outputs: int, dropout: float) -> None:
        super().__init__()
        assert isinstance(body.width, int)
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(body.width, outputs)
        with torch.no_grad():  # at first the market is what its volatility says, and little else
            self.readout.weight.mul_(_SMALL)
            self.readout.bias.zero_()

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Outputs of shape [batch, rows, outputs], and the body's memory."""
        seen, after = self.body(rows, memory)
        return self.said(seen), after

    def said(self, seen: Tensor) -> Tensor:
        """Outputs of shape [batch, rows, outputs], of what the body saw."""
        said: Tensor = self.readout(self.dropout(seen))
        return said


class SequenceNetwork(nn.Module):
    """Members that learn side by side from the same rows; what they say together is their mean.

    The last input is a forecast of the next return made elsewhere (`models/location/`). It is added
    to the first output, so that the members learn what it leaves over.

    Args:
        members: Each maps rows and memory to outputs and memory.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, rows: Tensor) -> Tensor:
        """What is said of each row, at a sequence's start knowing nothing.

        Args:
            rows: Shape [batch, rows, inputs].

        Returns:
            While training each member's outputs, shape [members, batch, rows, outputs]; else their
            mean, shape [batch, rows, outputs].
        """
        members = self._members
        each = seen_at_once([member.body for member in members], rows)
        said = torch.stack([member.said(seen) for member, seen in zip(members, each, strict=True)])
        said = _added(said, rows)
        return said if self.training else said.mean(0)

    def advance(self, rows: Tensor, memory: Sequence[Memory]) -> tuple[Tensor, list[Memory]]:
        """Go on reading with the memory of the rows before, one of each member.

        Args:
            rows: Shape [batch, rows, inputs].
            memory: As the call before returned it; ``()`` for each member at a sequence's start.

        Returns:
            The members' mean, shape [batch, rows, outputs], and their memory.
        """
        each = list(zip(self._members, memory, strict=True))
        step = partial(_step, rows)
        if may_be_at_once([member.body for member in self._members]):
            steps = at_once(step, each, rows.device)
        else:
            steps = [step(one) for one in each]
        said = torch.stack([outputs for outputs, _ in steps]).mean(0)
        return _added(said, rows), [after for _, after in steps]

    @property
    def _members(self) -> list[Member]:
        return [member for member in self.members if isinstance(member, Member)]


def _step(rows: Tensor, each: tuple[Member, Memory]) -> tuple[Tensor, Memory]:
    """One member's step, on a thread that does not know that nothing is to be learned."""
    member, memory = each
    with torch.inference_mode():
        said, after = member(rows, memory)
    return said, after


def _added(said: Tensor, rows: Tensor) -> Tensor:
    """The residual connection from the last input to the first output."""
    location = said[..., :1] + rows[..., -1:]
    return torch.cat([location, said[..., 1:]], -1)
