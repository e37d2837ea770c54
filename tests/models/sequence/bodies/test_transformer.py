"""The sliding-window Transformer is the plain one with a band for a mask."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from candlecast.errors import InputError
from candlecast.models.networks import build_body
from candlecast.models.sequence.bodies.transformer import SequenceTransformer, _WindowAttention

LOOKBACK = 5


def attention() -> _WindowAttention:
    torch.manual_seed(0)
    made = _WindowAttention(width=8, heads=2, lookback=LOOKBACK)
    torch.nn.init.normal_(made.bias)
    return made


def by_hand(made: _WindowAttention, rows: Tensor) -> Tensor:
    """Every row against every other, with one great matrix."""
    count, heads = rows.shape[1], made.heads
    queries = made.query(rows).unflatten(-1, (heads, -1)).transpose(1, 2)
    keys, values = (
        each.unflatten(-1, (heads, -1)).transpose(1, 2)
        for each in made.keys_values(rows).chunk(2, dim=-1)
    )
    distance = torch.arange(count)[:, None] - torch.arange(count)
    bias = made.bias[:, (LOOKBACK - 1 - distance).clamp(0, LOOKBACK - 1)]
    bias = bias.masked_fill((distance < 0) | (distance >= LOOKBACK), -torch.inf)
    heard = torch.nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
    left: Tensor = made.leave(heard.transpose(1, 2).flatten(2))
    return left


@pytest.mark.parametrize("count", [1, 4, 5, 6, 10, 23])
def test_attention_in_blocks_is_attention_with_a_banded_mask(count: int) -> None:
    made, rows = attention(), torch.randn(3, count, 8)
    torch.testing.assert_close(made(rows, ())[0], by_hand(made, rows), rtol=1e-5, atol=1e-6)


def test_a_lookback_of_one_row_attends_to_that_row_alone() -> None:
    made = _WindowAttention(width=4, heads=1, lookback=1)
    rows = torch.randn(2, 7, 4)
    alone = made.leave(made.keys_values(rows)[..., 4:])
    torch.testing.assert_close(made(rows, ())[0], alone, rtol=1e-5, atol=1e-6)


def test_where_a_sequence_began_does_not_matter_once_it_is_out_of_sight() -> None:
    torch.manual_seed(0)
    body = SequenceTransformer(3, width=8, heads=2, layers=2, lookback=LOOKBACK).eval()
    rows, reach = torch.randn(1, 40, 3), 2 * (LOOKBACK - 1)
    late = body(rows[:, 11:])[0]
    torch.testing.assert_close(late[:, reach:], body(rows)[0][:, 11 + reach :], rtol=0, atol=1e-5)
    assert not torch.allclose(late[:, reach - 1], body(rows)[0][:, 11 + reach - 1])


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match="width of 10 cannot be shared by 4 heads"):
        build_body("transformer", inputs=3, options={"width": 10, "heads": 4})
