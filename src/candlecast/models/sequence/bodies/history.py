"""Rows behind those that came before them: the memory of a body that looks back a fixed way."""

from __future__ import annotations

import torch
from torch import Tensor


def go_on(rows: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Put rows behind those before them, and keep as many of the newest for the next time.

    Args:
        rows: Shape [batch, rows, values].
        before: The rows before, oldest first; shape [count, batch, values].

    Returns:
        Both together, shape [batch, count + rows, values], and the newest of them, in the shape of
        `before`.
    """
    together = torch.cat([before.transpose(0, 1), rows], dim=1)
    return together, together[:, together.shape[1] - len(before) :].transpose(0, 1)


def nothing_before(rows: Tensor, count: int) -> Tensor:
    """Zeros for `count` rows before the first; shape [count, batch, values]."""
    return rows.new_zeros(count, rows.shape[0], rows.shape[2])


def stood_still(rows: Tensor, count: int) -> Tensor:
    """The first row `count` times, as if nothing had moved before it; [count, batch, values]."""
    return rows[:, 0].expand(count, -1, -1)
