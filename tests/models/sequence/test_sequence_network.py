"""Members learn side by side, speak together, and add to the forecast that they are given."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from candlecast.models.networks import BODIES, build_body
from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.network import Member, SequenceNetwork

INPUTS, OUTPUTS, MEMBERS, ROWS = 3, 5, 2, 30


def network_of(body: str = "lstm", *, dropout: float = 0.0) -> SequenceNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bodies = [build_body(body, inputs=INPUTS, options={}) for _ in range(MEMBERS)]
        return SequenceNetwork([Member(each, OUTPUTS, dropout) for each in bodies])


def some_rows() -> Tensor:
    return torch.randn(4, ROWS, INPUTS, generator=torch.Generator().manual_seed(1))


def test_in_training_each_member_speaks_for_itself_and_then_their_mean() -> None:
    network, rows = network_of(), some_rows()
    apart = network.train()(rows)
    assert apart.shape == (MEMBERS, 4, ROWS, OUTPUTS)
    assert not torch.allclose(apart[0], apart[1]), "members have first weights of their own"
    together = network.eval()(rows)
    assert together.shape == (4, ROWS, OUTPUTS)
    torch.testing.assert_close(together, apart.mean(0))


@pytest.mark.parametrize("body", list(BODIES))
@pytest.mark.parametrize("pieces", [[1] * ROWS, [11, 19]])
def test_to_advance_in_pieces_is_to_read_at_once(body: str, pieces: list[int]) -> None:
    network, rows = network_of(body).eval(), some_rows()
    memory: list[Memory] = [()] * MEMBERS
    said = []
    for piece in rows.split(pieces, dim=1):
        heard, memory = network.advance(piece, memory)
        assert len(memory) == MEMBERS
        said.append(heard)
    torch.testing.assert_close(torch.cat(said, dim=1), network(rows), rtol=0, atol=1e-5)


def test_the_last_input_is_added_to_the_first_output() -> None:
    network, rows = network_of().eval(), some_rows()
    said = torch.stack([member(rows)[0] for member in network.members]).mean(0)
    for heard in (network(rows), network.advance(rows, [()] * MEMBERS)[0]):
        torch.testing.assert_close(heard[..., 0], said[..., 0] + rows[..., -1])
        torch.testing.assert_close(heard[..., 1:], said[..., 1:])


def test_at_first_it_says_little_beside_what_it_is_given() -> None:
    network, rows = network_of().eval(), some_rows()
    added = network(rows)[..., 0] - rows[..., -1]
    assert float(added.detach().abs().max()) < 0.1


def test_dropout_is_for_training_alone() -> None:
    network, rows = network_of(dropout=0.5), some_rows()
    assert not torch.equal(network.train()(rows), network.train()(rows))
    assert torch.equal(network.eval()(rows), network.eval()(rows))
