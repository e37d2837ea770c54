"""DLinear and NLinear are the sums that their authors write down, at every row."""

from __future__ import annotations

import torch
from torch import Tensor

from candlecast.models.sequence.bodies.dlinear import SequenceDLinear
from candlecast.models.sequence.bodies.nlinear import SequenceNLinear

LOOKBACK, AVERAGE, ROW = 4, 3, 11


def some_rows() -> Tensor:
    return torch.randn(1, 20, 2, generator=torch.Generator().manual_seed(0))


def test_nlinear_weighs_how_far_earlier_rows_lie_from_the_newest() -> None:
    body, rows = SequenceNLinear(2, width=3, lookback=LOOKBACK), some_rows()
    newest = rows[0, ROW]
    deviations = rows[0, ROW - LOOKBACK + 1 : ROW] - newest
    by_hand = torch.einsum("wit,ti->w", body.earlier.weight, deviations) + body.newest(newest)
    torch.testing.assert_close(body(rows)[0][0, ROW], by_hand, rtol=1e-5, atol=1e-6)


def test_a_level_that_shifts_reaches_nlinear_through_its_newest_row_alone() -> None:
    body, rows = SequenceNLinear(2, width=3, lookback=LOOKBACK), some_rows()
    moved = body(rows + 5)[0] - body(rows)[0]
    by_newest = body.newest.weight.sum(-1) * 5
    torch.testing.assert_close(moved, by_newest.expand_as(moved), rtol=1e-4, atol=1e-4)


def test_dlinear_weighs_a_trailing_average_and_what_is_left() -> None:
    body, rows = SequenceDLinear(2, width=3, lookback=LOOKBACK, average=AVERAGE), some_rows()
    seen = range(ROW - LOOKBACK + 1, ROW + 1)
    trend = torch.stack([rows[0, row - AVERAGE + 1 : row + 1].mean(0) for row in seen])
    remainder = rows[0, list(seen)] - trend
    weights, bias = body.layers.weight, body.layers.bias
    assert bias is not None
    by_hand = torch.einsum("wit,ti->w", weights[:, :2], trend) + bias
    by_hand = by_hand + torch.einsum("wit,ti->w", weights[:, 2:], remainder)
    torch.testing.assert_close(body(rows)[0][0, ROW], by_hand, rtol=1e-5, atol=1e-6)


def test_before_its_first_row_a_sequence_stood_still() -> None:
    rows = some_rows()
    for body in (SequenceNLinear(2, lookback=LOOKBACK), SequenceDLinear(2, lookback=LOOKBACK)):
        still = rows[:, :1].expand(-1, 40, -1)
        late = body(torch.cat([still, rows], dim=1))[0][:, 40:]
        torch.testing.assert_close(body(rows)[0], late, rtol=1e-5, atol=1e-5)
