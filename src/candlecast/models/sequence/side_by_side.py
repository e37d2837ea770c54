"""Several bodies that read the same rows at the same time, each on a thread of its own.

A small recurrent network does its little products one after the other, and more threads for each of
them gain nothing. Networks that know nothing of each other can take a thread each. Every one adds
up in one order, so that the bits are the same as in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from candlecast.threads import one_thread, workers

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(
    work: Callable[[Item], Result], items: Sequence[Item], device: torch.device
) -> list[Result]:
    """What some work gives for each item, side by side where the processor does it.

    Args:
        work: Draws no random numbers: their order would hang on the threads'.
        items: What to work on.
        device: Where. A GPU does one thing after the other anyway.
    """
    threads = min(len(items), workers()) if device.type == "cpu" else 1
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one_thread()(work), items))


def may_be_at_once(bodies: Sequence[nn.Module]) -> bool:
    """Whether each says by ``on_a_thread = True`` that it may be run beside others.

    One that says so draws no random numbers, whose order would hang on the threads, and shares
    nothing that it changes.
    """
    return all(getattr(body, "on_a_thread", False) for body in bodies)


def seen_at_once(bodies: Sequence[nn.Module], rows: Tensor) -> list[Tensor]:
    """What each body sees of the same rows from a sequence's start, to be learned from.

    Those that `may_be_at_once`; others take turns.

    Args:
        bodies: Each a `Body`.
        rows: Shape [batch, rows, inputs].
    """
    if rows.requires_grad or not may_be_at_once(bodies):
        return [body(rows)[0] for body in bodies]
    if not torch.is_grad_enabled():
        return at_once(_reader(rows, learning=False), bodies, rows.device)
    parameters = [each for body in bodies for each in _learned(body)]
    apply: Any = _Seen.apply
    return list(apply(bodies, rows, *parameters))


class _Seen(torch.autograd.Function):
    """Forward and backward through each body, side by side.

    Autograd would go back through all of them on one thread. So each has a graph of its own, and to
    the graph around them they are one step.
    """

    @staticmethod
    def forward(
        ctx: Any, bodies: Sequence[nn.Module], rows: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        del parameters  # the bodies have them; they are here for their gradients' sake
        ctx.bodies, ctx.device = bodies, rows.device
        ctx.seen = at_once(_reader(rows, learning=True), bodies, rows.device)
        return tuple(seen.detach() for seen in ctx.seen)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        each = list(zip(ctx.bodies, ctx.seen, gradients, strict=True))
        found = at_once(_gradients, each, ctx.device)
        return (None, None, *(gradient for of_body in found for gradient in of_body))


def _reader(rows: Tensor, *, learning: bool) -> Callable[[nn.Module], Tensor]:
    """Reads the rows as here, on a thread that does not know which precision is in use here."""
    kind = rows.device.type
    precision, lower = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)

    def read(body: nn.Module) -> Tensor:
        with torch.set_grad_enabled(learning), torch.autocast(kind, precision, enabled=lower):
            seen: Tensor = body(rows)[0]
        return seen

    return read


def _gradients(each: tuple[nn.Module, Tensor, Tensor]) -> tuple[Tensor | None, ...]:
    body, seen, gradient = each
    return torch.autograd.grad(seen, _learned(body), gradient, allow_unused=True)


def _learned(body: nn.Module) -> list[Tensor]:
    return [each for each in body.parameters() if each.requires_grad]
