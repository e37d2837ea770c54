"""The Student-t head's loss is the log score and QLIKE, and its spreads grow with the horizon."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from candlecast.models.sequence.heads.student_t import StudentTHead

HORIZONS = (1, 5, 60)


def outputs_of(head: StudentTHead, *, seed: int = 0, size: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(4, 7, head.outputs, generator=generator)


def targets_of(*, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    returns = torch.randn(4, 7, 3, generator=generator) * torch.tensor([1.0, 2.0, 8.0])
    realised = torch.rand(4, 7, 3, generator=generator) * torch.tensor([1.0, 5.0, 60.0])
    return torch.cat([returns, realised], dim=-1)


def test_the_loss_is_the_log_score_of_scipy_s_student_t_and_a_tenth_of_qlike() -> None:
    head = StudentTHead(HORIZONS)
    outputs, targets = outputs_of(head), targets_of()
    spread = head.spread(outputs)
    location, scale, degrees, variance = (each.double().numpy() for each in spread)
    returns, realised = targets.double().numpy()[..., :3], targets.double().numpy()[..., 3:]
    surprise = -stats.t.logpdf(returns, degrees, location, scale)
    qlike = np.log(variance) + realised / variance
    weights = 1 / np.array(HORIZONS)
    by_hand = ((surprise + 0.1 * qlike) * weights).mean((0, 1)).sum() / weights.sum()
    assert float(head(outputs, targets)) == pytest.approx(by_hand, rel=1e-4)


@given(seed=st.integers(0, 1_000), size=st.floats(0, 100))
def test_spreads_grow_with_the_horizon_whatever_the_network_says(seed: int, size: float) -> None:
    head = StudentTHead(HORIZONS)
    spread = head.spread(outputs_of(head, seed=seed, size=size))
    for each in (spread.scale, spread.variance):
        assert bool(each.isfinite().all())
        assert bool((each.diff(dim=-1) >= 0).all())
        assert bool((each > 0).all())
    assert bool((spread.degrees > 2).all())


def test_before_it_has_learned_a_horizon_s_variance_is_its_length() -> None:
    head = StudentTHead(HORIZONS)
    spread = head.spread(torch.zeros(1, head.outputs))
    np.testing.assert_allclose(spread.scale[0] ** 2, HORIZONS, rtol=1e-6)
    np.testing.assert_allclose(spread.variance[0], HORIZONS, rtol=1e-6)


def test_locations_add_up_over_the_horizons() -> None:
    head = StudentTHead(HORIZONS)
    outputs = torch.zeros(1, head.outputs)
    outputs[0, :3] = torch.tensor([0.1, 0.2, -0.3])
    by_hand = np.cumsum([0.1, 0.2 * 4**0.5, -0.3 * 55**0.5])
    np.testing.assert_allclose(head.spread(outputs).location[0], by_hand, rtol=1e-6)


def test_one_wild_hour_does_not_make_the_loss_infinite() -> None:
    head = StudentTHead(HORIZONS)
    targets = targets_of()
    targets[0, 0] = torch.tensor([1e5, 1e5, 1e5, 1e10, 1e10, 1e10])
    outputs = outputs_of(head).requires_grad_()
    head(outputs, targets).backward()
    assert outputs.grad is not None
    assert bool(outputs.grad.isfinite().all())
