"""The mixture agrees with scipy and scoringrules, and its quantiles are found wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from candlecast.distributions import NormalMixture

RNG = np.random.default_rng(1)
SHAPE = (100, 2, 3)
WEIGHTS = RNG.dirichlet([1, 1, 1], SHAPE[:2])
LOCATIONS = RNG.normal(scale=1e-3, size=SHAPE)
SCALES = RNG.uniform(1e-4, 3e-3, size=SHAPE)
MIXTURE = NormalMixture(WEIGHTS, LOCATIONS, SCALES)
RETURNS = RNG.normal(scale=2e-3, size=SHAPE[:2])


def test_density_and_cdf_are_scipy_s_weighed() -> None:
    each = stats.norm(LOCATIONS, SCALES)
    density = (WEIGHTS * each.pdf(RETURNS[..., None])).sum(-1)
    np.testing.assert_allclose(MIXTURE.log_density(RETURNS), np.log(density), rtol=1e-9)
    share = (WEIGHTS * each.cdf(RETURNS[..., None])).sum(-1)
    np.testing.assert_allclose(MIXTURE.cdf(RETURNS), share, rtol=1e-9)


def test_crps_is_that_of_scoringrules() -> None:
    theirs = scoringrules.crps_mixnorm(RETURNS, LOCATIONS, SCALES, WEIGHTS)
    np.testing.assert_allclose(MIXTURE.crps(RETURNS), theirs, rtol=1e-9)


def test_location_and_width_are_the_moments_of_what_is_drawn() -> None:
    one = NormalMixture(*(np.array([[each]]) for each in ([0.7, 0.3], [-1.0, 3.0], [0.5, 2.0])))
    picked = RNG.random(400_000) < 0.7
    drawn = np.where(picked, RNG.normal(-1, 0.5, 400_000), RNG.normal(3, 2, 400_000))
    assert one.location[0, 0] == pytest.approx(drawn.mean(), abs=0.02)
    assert one.width[0, 0] == pytest.approx(drawn.std(), rel=0.01)
    assert one.median[0, 0] == pytest.approx(np.median(drawn), abs=0.01)


@given(seed=st.integers(0, 10_000), size=st.floats(0, 6))
def test_quantiles_are_found_between_narrow_peaks_far_apart(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    shape = (20, 1, 3)
    scales = np.exp(size * rng.normal(size=shape))
    mixture = NormalMixture(
        rng.dirichlet([0.3, 0.3, 0.3], shape[:2]), rng.normal(scale=100, size=shape), scales
    )
    quantiles = mixture.quantiles([0.01, 0.5, 0.99])
    for place, level in enumerate((0.01, 0.5, 0.99)):
        found = quantiles[..., place]
        # On either side of what was found lies what should: the cdf may be all but flat there.
        near = 1e-9 * (1 + np.abs(found) + scales.max(-1))
        assert (mixture.cdf(found - near) <= level + 1e-9).all()
        assert (mixture.cdf(found + near) >= level - 1e-9).all()


def test_components_that_are_all_alike_are_one_normal_distribution() -> None:
    alike = NormalMixture(WEIGHTS, np.full(SHAPE, 0.5), np.full(SHAPE, 2.0))
    np.testing.assert_allclose(
        alike.quantiles([0.1, 0.9])[0, 0], stats.norm(0.5, 2).ppf([0.1, 0.9]), rtol=1e-12
    )


def test_a_component_without_a_share_counts_for_nothing() -> None:
    weights = np.array([[[1.0, 0.0]]])
    mixture = NormalMixture(weights, np.array([[[0.0, 50.0]]]), np.array([[[1.0, 2.0]]]))
    assert mixture.log_density(np.array([[0.3]]))[0, 0] == pytest.approx(stats.norm.logpdf(0.3))
    assert mixture.quantiles([0.9])[0, 0, 0] == pytest.approx(stats.norm.ppf(0.9))
