"""The temporal convolutional network sees as far back as it says, and nothing before."""

from __future__ import annotations

import pytest
import torch

from candlecast.models.sequence.bodies.tcn import SequenceTCN


@pytest.mark.parametrize(("blocks", "kernel"), [(1, 2), (2, 3), (3, 2)])
def test_it_sees_the_rows_that_it_says_and_no_more(blocks: int, kernel: int) -> None:
    torch.manual_seed(0)
    body = SequenceTCN(2, channels=16, blocks=blocks, kernel=kernel).eval()
    reach = 1 + 2 * (kernel - 1) * (2**blocks - 1)
    rows = torch.randn(1, 60, 2, requires_grad=True)
    body(rows)[0][0, -1].square().sum().backward()
    assert rows.grad is not None
    seen = rows.grad[0].abs().sum(-1) > 0
    assert bool(seen[-1])
    assert bool(seen[-reach])
    assert not bool(seen[:-reach].any())


def test_before_the_first_row_everything_is_0() -> None:
    body = SequenceTCN(2, channels=4, blocks=1).eval()
    rows = torch.randn(3, 5, 2)
    block = body.get_submodule("blocks.0")
    first, second = (block.get_submodule(f"{name}.weights") for name in ("first", "second"))
    padded = torch.nn.functional.pad(rows.transpose(1, 2), (2, 0))
    hidden = torch.nn.functional.pad(first(padded).relu(), (2, 0))
    by_hand = (second(hidden).relu().transpose(1, 2) + block.get_submodule("skip")(rows)).relu()
    torch.testing.assert_close(body(rows)[0], by_hand)
