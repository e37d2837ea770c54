"""Every head learns the truth, and what it says grows with the horizon whatever it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from candlecast.distributions import Distribution, Floats
from candlecast.models.in_price import never_narrower
from candlecast.models.sequence.heads import HEADS, Head
from candlecast.recipe import HeadName

HORIZONS = (1, 5, 60)
every_head = pytest.mark.parametrize("name", list(HEADS))


def outputs_of(head: Head, *, seed: int = 0, size: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(4, 7, head.outputs, generator=generator)


def targets_of(*, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    returns = torch.randn(4, 7, 3, generator=generator) * torch.tensor([1.0, 2.0, 8.0])
    realised = torch.rand(4, 7, 3, generator=generator) * torch.tensor([1.0, 5.0, 60.0])
    return torch.cat([returns, realised], dim=-1)


def loss_of(head: Head, outputs: Tensor, targets: Tensor) -> float:
    return float(head(outputs, targets).detach())


def gradient_of(head: Head, outputs: Tensor, targets: Tensor) -> Tensor:
    outputs = outputs.clone().requires_grad_()
    head(outputs, targets).backward()
    assert outputs.grad is not None
    return outputs.grad


def learned(head: Head, targets: Tensor, steps: int = 400) -> Tensor:
    """The outputs, alike for all rows, at which the loss is smallest; shape [1, outputs]."""
    outputs = torch.zeros(1, head.outputs, requires_grad=True)
    optimizer = torch.optim.Adam([outputs], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        head(outputs.expand(len(targets), -1), targets).backward()
        optimizer.step()
    return outputs.detach()


def test_the_recipe_knows_every_head() -> None:
    assert set(get_args(HeadName)) == set(HEADS)


@every_head
def test_before_it_has_learned_a_horizon_s_variance_is_its_length(name: str) -> None:
    head = HEADS[name](HORIZONS)
    said = head.says(torch.zeros(1, head.outputs))
    np.testing.assert_allclose(said.variance[0], HORIZONS, rtol=1e-6)
    np.testing.assert_allclose(said.spread.location[0], 0.0, atol=1e-6)
    width = said.spread.width[0] / said.spread.width[0, 0]
    np.testing.assert_allclose(width**2, HORIZONS, rtol=1e-5)


@every_head
def test_the_first_output_moves_the_whole_forecast(name: str) -> None:
    head, by = HEADS[name](HORIZONS), 0.7
    outputs = outputs_of(head)[0]
    moved = outputs.clone()
    moved[:, 0] += by
    before, after = head.says(outputs), head.says(moved)
    np.testing.assert_allclose(after.spread.location, before.spread.location + by, atol=1e-4)
    np.testing.assert_allclose(after.spread.width, before.spread.width, rtol=1e-4)
    np.testing.assert_array_equal(after.variance, before.variance)


@every_head
@given(seed=st.integers(0, 1_000), size=st.floats(0, 100))
def test_what_it_says_is_whole_and_grows_with_the_horizon(
    name: str, seed: int, size: float
) -> None:
    head = HEADS[name](HORIZONS)
    said = head.says(outputs_of(head, seed=seed, size=size)[0])
    assert np.isfinite(said.variance).all()
    assert (np.diff(said.variance, axis=-1) >= 0).all()
    spread = never_narrower(said.spread)
    assert np.isfinite(spread.location).all()
    assert (spread.width > 0).all()
    levels = (0.01, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99)
    quantiles = spread.quantiles(levels)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    for low, high in ((1, 7), (2, 6), (3, 5)):
        band = quantiles[..., high] - quantiles[..., low]
        assert (np.diff(band, axis=-1) >= -1e-6 * band[:, 1:]).all()


@every_head
@given(seed=st.integers(0, 1_000), size=st.sampled_from([0.0, 1.0, 30.0, 1e3, 1e6]))
def test_gradients_are_numbers_however_extreme_the_outputs(
    name: str, seed: int, size: float
) -> None:
    head = HEADS[name](HORIZONS)
    outputs = outputs_of(head, seed=seed, size=size)
    targets = targets_of()
    targets[0, 0] = torch.tensor([1e5, 1e5, 1e5, 1e10, 1e10, 1e10])
    assert bool(gradient_of(head, outputs, targets).isfinite().all())
    assert np.isfinite(loss_of(head, outputs, targets))


@every_head
def test_a_target_that_is_not_known_counts_for_nothing(name: str) -> None:
    head = HEADS[name](HORIZONS)
    outputs, targets = outputs_of(head), targets_of()
    targets[0] = torch.nan
    gradient = gradient_of(head, outputs, targets)
    assert bool((gradient[0] == 0).all())
    assert bool(gradient[1:].isfinite().all())
    rest = loss_of(head, outputs[1:], targets[1:])
    assert loss_of(head, outputs, targets) == pytest.approx(rest, rel=1e-5)


@every_head
def test_nothing_known_teaches_nothing(name: str) -> None:
    head = HEADS[name](HORIZONS)
    nothing = torch.full((4, 7, 6), torch.nan)
    assert loss_of(head, outputs_of(head), nothing) == 0.0
    assert bool((gradient_of(head, outputs_of(head), nothing) == 0).all())


@every_head
def test_members_are_each_held_against_the_same_targets(name: str) -> None:
    head = HEADS[name](HORIZONS)
    members, targets = torch.stack([outputs_of(head), outputs_of(head, seed=5)]), targets_of()
    apart = [loss_of(head, member, targets) for member in members]
    assert loss_of(head, members, targets) == pytest.approx(np.mean(apart), rel=1e-5)


def skewed(count: int, seed: int = 0) -> Floats:
    """Draws of a distribution with a long lower tail; mean 0.25, far from normal."""
    rng = np.random.default_rng(seed)
    low = rng.random(count) < 0.25
    return np.where(low, rng.normal(-2.0, 1.5, count), rng.normal(1.0, 0.5, count))


@pytest.mark.parametrize("name", ["normal_mixture", "quantiles"])
def test_a_skewed_distribution_is_learned_as_it_is(name: str) -> None:
    head, drawn = HEADS[name]((1,)), skewed(4_000)
    targets = torch.from_numpy(np.stack([drawn, drawn**2], axis=1)).float()
    said = head.says(learned(head, targets))
    assert said.variance[0, 0] == pytest.approx(np.mean(drawn**2), rel=0.05)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = said.spread.quantiles(levels)[0, 0]
    np.testing.assert_allclose(found, np.quantile(drawn, levels), atol=0.12)


@every_head
def test_the_loss_is_smallest_at_the_truth(name: str) -> None:
    head = HEADS[name]((1,))
    drawn = np.random.default_rng(2).normal(size=4_000)
    targets = torch.from_numpy(np.stack([drawn, np.ones_like(drawn)], axis=1)).float()
    best = learned(head, targets)
    truth = loss_of(head, best, targets)
    said: Distribution = head.says(best).spread
    np.testing.assert_allclose(said.quantiles([0.1, 0.5, 0.9])[0, 0], [-1.28, 0, 1.28], atol=0.1)
    for place in range(head.outputs):
        for by in (-1.0, 1.0):
            other = best.clone()
            other[0, place] += by
            assert loss_of(head, other, targets) > truth - 1e-3


def test_every_head_is_made_alike() -> None:
    makers: list[Callable[[tuple[int, ...]], Head]] = list(HEADS.values())
    for make in makers:
        assert make((1,)).outputs * 3 == make((1, 2, 7)).outputs
