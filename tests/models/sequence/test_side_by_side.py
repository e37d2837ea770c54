"""Bodies that learn side by side learn the same, to the bit, as in turn."""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident

import pytest
import torch
from torch import Tensor, nn

from candlecast.models.networks import build_body
from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.network import Member, SequenceNetwork
from candlecast.models.sequence.side_by_side import seen_at_once

INPUTS = 5


@pytest.fixture(autouse=True, params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def bodies_of(kind: str) -> list[nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return [build_body(kind, inputs=INPUTS, options={}) for _ in range(3)]


def some_rows() -> Tensor:
    return torch.randn(4, 30, INPUTS, generator=torch.Generator().manual_seed(1))


def learned(bodies: list[nn.Module], seen: list[Tensor]) -> list[Tensor]:
    total = sum(((place + 1) * each**2).sum() for place, each in enumerate(seen))
    assert isinstance(total, Tensor)
    total.backward()
    gradients = [each.grad for body in bodies for each in body.parameters()]
    return [each for each in gradients if each is not None]


@pytest.mark.parametrize("kind", ["lstm", "gru", "nlinear", "dlinear"])
def test_what_is_seen_and_learned_is_the_same_as_in_turn(kind: str) -> None:
    apart, together, rows = bodies_of(kind), bodies_of(kind), some_rows()
    in_turn = [body(rows)[0] for body in apart]
    at_once = seen_at_once(together, rows)
    for one, other in zip(in_turn, at_once, strict=True):
        assert torch.equal(one, other)
    gradients = learned(apart, in_turn), learned(together, at_once)
    assert len(gradients[0]) == len(gradients[1]) > 0
    for one, other in zip(*gradients, strict=True):
        assert torch.equal(one, other)


def test_learning_side_by_side_comes_to_the_same_bits_each_time() -> None:
    first, second = (
        learned(bodies, seen_at_once(bodies, some_rows()))
        for bodies in (bodies_of("lstm"), bodies_of("lstm"))
    )
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


class Own(nn.Module):
    """Does not say that it may be run on a thread; it tells where it was run."""

    width = 1

    def __init__(self) -> None:
        super().__init__()
        self.size = nn.Parameter(torch.ones(()))
        self.ran_on: set[int] = set()

    def forward(self, rows: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        self.ran_on.add(get_ident())
        return self.size * rows[..., :1], memory


def test_bodies_that_do_not_say_that_they_may_stay_on_the_program_s_own_thread() -> None:
    bodies = [Own() for _ in range(4)]
    seen_at_once(bodies, some_rows())
    network = SequenceNetwork([Member(body, outputs=2, dropout=0.0) for body in bodies]).eval()
    network.advance(some_rows(), [()] * 4)
    assert all(body.ran_on == {get_ident()} for body in bodies)


def test_a_weight_that_is_frozen_or_never_used_learns_nothing() -> None:
    bodies = bodies_of("lstm")
    bodies[0].register_parameter("idle", nn.Parameter(torch.ones(2)))
    next(bodies[1].parameters()).requires_grad_(False)
    learned(bodies, seen_at_once(bodies, some_rows()))
    assert bodies[0].get_parameter("idle").grad is None
    assert next(bodies[1].parameters()).grad is None
    assert next(bodies[2].parameters()).grad is not None


def test_the_lower_precision_of_the_place_that_calls_holds_on_every_thread() -> None:
    bodies = bodies_of("lstm")
    with torch.autocast("cpu", torch.bfloat16):
        seen = seen_at_once(bodies, some_rows())
    assert {each.dtype for each in seen} == {torch.bfloat16}


def test_where_nothing_is_to_be_learned_nothing_is_kept_for_it() -> None:
    with torch.no_grad():
        seen = seen_at_once(bodies_of("lstm"), some_rows())
    assert not any(each.requires_grad for each in seen)
