"""Where windows lie, and how a batch of them is cut.

A window is one lookback of rows and its targets. It is named by its *origin*, the last row that
the model sees. A network that forecasts at every step learns from every row of a window as if each
were an origin::

    rows      … o-lookback+1 … o-1  o | o+1 … o+ahead …
                └──── inputs ───────┘   └── targets ─┘

Windows are never built. A batch is gathered by index from one matrix of all rows, which lies on
the device for as long as the work takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from candlecast.candles import Candles


def window_origins(
    candles: Candles, rows: range, lookback: int, ahead: int, *, across_gaps: bool = False
) -> NDArray[np.int64]:
    """The origins of every window that lies wholly inside some rows.

    Args:
        candles: The candles.
        rows: The rows that inputs and targets must lie in.
        lookback: Rows of input, the origin's included.
        ahead: Rows from the origin to the last target; 0 asks for no target.
        across_gaps: Whether a window may straddle a gap.

    Returns:
        Row numbers, rising; shape [windows], empty if no window fits.
    """
    origins = np.arange(rows.start + lookback - 1, rows.stop - ahead, dtype=np.int64)
    if across_gaps:
        return origins
    segment = candles.segment_ids
    whole = segment[origins - lookback + 1] == segment[origins + ahead]
    return np.compress(whole, origins)


class WindowBatches:
    """Batches of windows, gathered by index; can be iterated again and again.

    Its place can be saved and restored (`state_dict`, `load_state_dict`), also in mid-epoch.

    Args:
        inputs: Every row's scaled features, float32, shape [rows, features].
        targets: Every row's scaled targets, float32, shape [rows, horizons].
        origins: The windows' origins, int64, shape [windows].
        lookback: Rows of input a window.
        batch_size: Windows a batch; the last may have fewer.
        shuffle_seed: Draw a new order each epoch from this seed; None keeps the order of time.
        every_step: Give the targets of every row of a window, not of its origin alone.
        draws: Draw so many origins an epoch, each afresh among all, and not each of them once.
        segments: Of every row, the number of its segment, int64, shape [rows]. A window then may
            run on beyond the segment that it starts in, and has no targets (NaN) there.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        origins: Tensor,
        lookback: int,
        batch_size: int,
        shuffle_seed: int | None = None,
        *,
        every_step: bool = False,
        draws: int | None = None,
        segments: Tensor | None = None,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.origins = origins
        self.offsets = torch.arange(1 - lookback, 1, device=inputs.device)
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.every_step = every_step
        self.draws = draws
        self.segments = segments
        self._epoch = -1
        self._next_batch = 0
        self._restored = False

    def __len__(self) -> int:
        return -(-(self.draws or len(self.origins)) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs, shape [batch, lookback, features], and targets, [batch, horizons].

        Targets of every step have the shape [batch, lookback, horizons].

        Each iteration is a new epoch, but for the first after `load_state_dict`, which goes on in
        the middle of the saved one.
        """
        if not self._restored or self._next_batch == len(self):
            self._epoch += 1
            self._next_batch = 0
        self._restored = False
        for batch in self._order().split(self.batch_size)[self._next_batch :]:
            self._next_batch += 1
            yield self.gather(batch)

    def gather(self, origins: Tensor) -> tuple[Tensor, Tensor]:
        """The windows at some origins."""
        rows = origins[:, None] + self.offsets
        targets = self.targets[rows if self.every_step else origins]
        if self.segments is not None:
            segments = self.segments[rows]
            targets = targets.masked_fill((segments != segments[:, :1])[..., None], torch.nan)
        return self.inputs[rows], targets

    def to(self, device: torch.device) -> WindowBatches:
        """Put the matrices on a device, once."""
        self.inputs = self.inputs.to(device)
        self.targets = self.targets.to(device)
        self.origins = self.origins.to(device)
        self.offsets = self.offsets.to(device)
        if self.segments is not None:
            self.segments = self.segments.to(device)
        return self

    def state_dict(self) -> dict[str, Any]:
        """The present epoch, and its batch that comes next."""
        return {"epoch": self._epoch, "next_batch": self._next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved place."""
        self._epoch = state["epoch"]
        self._next_batch = state["next_batch"]
        self._restored = True

    def _order(self) -> Tensor:
        if self.shuffle_seed is None:
            return self.origins
        generator = torch.Generator().manual_seed(self.shuffle_seed + self._epoch)
        count = len(self.origins)
        order = (
            torch.randperm(count, generator=generator)
            if self.draws is None
            else torch.randint(count, (self.draws,), generator=generator)
        )
        return self.origins[order.to(self.origins.device)]
