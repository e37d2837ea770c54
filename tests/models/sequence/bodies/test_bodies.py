"""What every body of a sequence network must do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from candlecast.errors import InputError
from candlecast.models.networks import BODIES, build_body
from candlecast.models.sequence.bodies.body import Memory

INPUTS, ROWS = 3, 40

every_body = pytest.mark.parametrize("name", list(BODIES))


def body_of(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_body(name, inputs=INPUTS, options={}).eval()


def some_rows(batch: int = 2, rows: int = ROWS) -> Tensor:
    return torch.randn(batch, rows, INPUTS, generator=torch.Generator().manual_seed(1))


@every_body
def test_it_gives_its_width_for_every_row(name: str) -> None:
    body = body_of(name)
    seen, _ = body(some_rows())
    assert seen.shape == (2, ROWS, body.width)
    assert bool(seen.isfinite().all())


@every_body
def test_rows_to_come_do_not_reach_what_is_said_before_them(name: str) -> None:
    body, rows = body_of(name), some_rows()
    other = rows.clone()
    other[:, 25:] = 9.0
    truth, changed = body(rows)[0], body(other)[0]
    torch.testing.assert_close(changed[:, :25], truth[:, :25], rtol=0, atol=1e-6)
    assert not torch.allclose(changed[:, 25:], truth[:, 25:])


@every_body
@pytest.mark.parametrize("pieces", [[1] * ROWS, [7, 20, 13], [39, 1]])
def test_read_in_pieces_it_sees_what_it_does_at_once(name: str, pieces: list[int]) -> None:
    body, rows = body_of(name), some_rows()
    memory: Memory = ()
    seen = []
    for piece in rows.split(pieces, dim=1):
        said, memory = body(piece, memory)
        seen.append(said)
    torch.testing.assert_close(torch.cat(seen, dim=1), body(rows)[0], rtol=0, atol=1e-5)


@every_body
def test_its_memory_does_not_grow(name: str) -> None:
    body = body_of(name)
    sizes = set()
    memory: Memory = ()
    for piece in some_rows(rows=2_000).split(500, dim=1):
        _, memory = body(piece, memory)
        sizes.add(tuple(each.shape for each in memory))
    assert len(sizes) == 1


@every_body
def test_each_sequence_of_a_batch_is_read_for_itself(name: str) -> None:
    body, rows = body_of(name), some_rows(batch=3)
    together = body(rows)[0]
    for place, row in enumerate(rows):
        torch.testing.assert_close(body(row[None])[0][0], together[place], rtol=0, atol=1e-5)


@every_body
def test_every_weight_learns(name: str) -> None:
    body = body_of(name).train()
    body(some_rows())[0].square().mean().backward()
    for weight_name, weight in body.named_parameters():
        assert weight.grad is not None, weight_name
        assert float(weight.grad.abs().max()) > 0, weight_name


def test_an_unknown_body_is_named() -> None:
    with pytest.raises(InputError, match=r"network .lstn. is not known\. Known networks: lstm"):
        build_body("lstn", inputs=1, options={})
