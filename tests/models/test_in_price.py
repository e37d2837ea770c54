"""No band of a longer horizon is narrower than that of a shorter one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from candlecast.distributions import Distribution, NormalMixture, QuantileFunction, StudentT
from candlecast.distributions.quantile_function import LEVELS
from candlecast.models.in_price import never_narrower

SHAPE = (50, 4)


def assert_bands_grow(spread: Distribution) -> None:
    below, above = spread.reaches((0.75, 0.9, 0.975))
    width = below + above
    assert (np.diff(width, axis=1) >= -1e-9 * width[:, 1:]).all()


@given(seed=st.integers(0, 10_000))
def test_bands_grow_with_the_horizon_whatever_scales_and_degrees_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = np.maximum.accumulate(rng.uniform(1, 3, size=SHAPE), axis=1)
    degrees = 2.05 + rng.exponential(20, size=SHAPE)
    wider = never_narrower(StudentT(np.zeros(SHAPE), scale, degrees))
    assert (wider.width >= scale).all()
    for end in (0.75, 0.9, 0.975):
        half = wider.width * stats.t.ppf(end, degrees)
        assert (np.diff(half, axis=1) >= -1e-9 * half[:, 1:]).all()


def test_scales_that_do_are_left_alone() -> None:
    scale = np.array([[1.0, 2.3, 6.0]])
    degrees = np.array([[2.05, 200.0, 3.0]])
    spread = never_narrower(StudentT(np.zeros_like(scale), scale, degrees))
    np.testing.assert_array_equal(spread.width, scale)


@given(seed=st.integers(0, 10_000))
def test_bands_of_any_shape_grow_around_their_centre(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixture = NormalMixture(
        rng.dirichlet([1, 1, 1], SHAPE),
        rng.normal(size=(*SHAPE, 3)),
        rng.uniform(0.1, 2, (*SHAPE, 3)),
    )
    quantiles = QuantileFunction(np.sort(rng.normal(size=(*SHAPE, len(LEVELS))), axis=-1))
    for spread in (mixture, quantiles):
        wider = never_narrower(spread)
        assert_bands_grow(wider)
        np.testing.assert_allclose(wider.location, spread.location, atol=1e-9)
        np.testing.assert_allclose(wider.width[:, 0], spread.width[:, 0])
        again = never_narrower(wider)
        np.testing.assert_allclose(again.width, wider.width, rtol=1e-6)


def test_bands_of_any_shape_that_do_are_left_alone() -> None:
    normal = stats.norm.ppf(LEVELS)
    spread = QuantileFunction(np.array([[1.0], [1.2], [5.0]])[None] * normal)
    np.testing.assert_array_equal(never_narrower(spread).quantiles(LEVELS), spread.values)
