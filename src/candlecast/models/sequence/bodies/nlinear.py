"""NLinear: how far each of the last rows lies from the newest, through one linear layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.bodies.history import go_on, stood_still

Width = Annotated[int, Field(ge=1, le=65_536)]
Lookback = Annotated[int, Field(ge=2, le=65_536)]


class SequenceNLinear(nn.Module):
    """NLinear (Zeng et al., 2023, "Are Transformers Effective for Time Series Forecasting?").

    Theirs maps the last rows less the newest to the rows to come and adds the newest again. This
    one says something of every row, so its layer is a convolution; and what it says is no row, so
    the newest is not added as it is, but through a linear layer of its own.

    With weights w of the earlier rows and v of the newest, the sum of w * (earlier - newest) and
    v * newest is that of w * earlier and (v - the sum of w) * newest: so it is computed.

    The memory is the last rows. Before its first row a sequence is taken to have stood still.

    Args:
        inputs: Features a row.
        width: Values it gives for each row.
        lookback: Rows that it sees, the newest included.
    """

    on_a_thread = True

    def __init__(self, inputs: int, width: Width = 32, lookback: Lookback = 60) -> None:
        super().__init__()
        self.width = width
        self.reach = lookback - 1
        self.earlier = nn.Conv1d(inputs, width, self.reach, bias=False)
        self.newest = nn.Linear(inputs, width)

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """See `Body.forward`."""
        before = memory[0] if memory else stood_still(rows, self.reach)
        together, after = go_on(rows, before)
        earlier = self.earlier(together[:, :-1].transpose(1, 2)).transpose(1, 2)
        same = nn.functional.linear(rows, self.earlier.weight.sum(-1))
        return earlier - same + self.newest(rows), (after,)
