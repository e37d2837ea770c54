"""How fast this processor multiplies matrices."""

from __future__ import annotations

import time

import torch

_ROUNDS = 20
_SECONDS = 0.15  # of a round, or one product if that takes longer


def product_speed(rows: int, inner: int, columns: int, dtype: torch.dtype) -> float:
    """GFLOP/s of one product after the other, the best of a few rounds.

    The same operands again and again, so that they lie in the cache if they fit into it.

    Args:
        rows: Of the left factor and the product.
        inner: Columns of the left factor, rows of the right one.
        columns: Of the right factor and the product.
        dtype: Of all three.
    """
    left, right = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
    product = torch.empty(rows, columns, dtype=dtype)
    torch.mm(left, right, out=product)
    one = _seconds(left, right, product, times=1)
    times = max(1, int(_SECONDS / one))
    fastest = min(_seconds(left, right, product, times) for _ in range(_ROUNDS)) / times
    return 2e-9 * rows * inner * columns / fastest


def _seconds(left: torch.Tensor, right: torch.Tensor, product: torch.Tensor, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        torch.mm(left, right, out=product)
    return time.perf_counter() - began
