"""Student's t agrees with scipy and scoringrules, and its fit with what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from scipy import stats

from candlecast.distributions import (
    FEWEST_DEGREES,
    MOST_DEGREES,
    SMALLEST_SCALE,
    StudentT,
    fit_student_t,
)

RNG = np.random.default_rng(1)
SHAPE = (200, 3)
LOCATION = RNG.normal(scale=1e-4, size=SHAPE)
SCALE = RNG.uniform(1e-4, 3e-3, size=SHAPE)
DEGREES = np.array([2.1, 5.0, 800.0])
RETURNS = LOCATION + SCALE * RNG.standard_t(4, size=SHAPE)
SPREAD = StudentT(LOCATION, SCALE, DEGREES[None, :])


def test_density_cdf_and_quantiles_are_those_of_scipy() -> None:
    reference = stats.t(df=DEGREES, loc=LOCATION, scale=SCALE)
    np.testing.assert_allclose(SPREAD.log_density(RETURNS), reference.logpdf(RETURNS), rtol=1e-9)
    np.testing.assert_allclose(SPREAD.cdf(RETURNS), reference.cdf(RETURNS), rtol=1e-9)
    levels = (0.025, 0.5, 0.9)
    quantiles = SPREAD.quantiles(levels)
    assert quantiles.shape == (*SHAPE, 3)
    for place, level in enumerate(levels):
        np.testing.assert_allclose(quantiles[..., place], reference.ppf(level), rtol=1e-9)


def test_crps_is_that_of_scoringrules() -> None:
    theirs = scoringrules.crps_t(RETURNS, DEGREES, LOCATION, SCALE)
    np.testing.assert_allclose(SPREAD.crps(RETURNS), theirs, rtol=1e-7)


def test_crps_is_twice_the_integral_of_the_pinball_loss() -> None:
    one = StudentT(np.array([[0.3]]), np.array([[1.5]]), np.array([[4.0]]))
    levels = (np.arange(20_000) + 0.5) / 20_000
    quantiles = one.quantiles(levels.tolist())[0, 0]
    pinball = np.where(quantiles > 2.0, levels - 1, levels) * (2.0 - quantiles)
    integral = 2 * np.mean(np.where(quantiles > 2.0, (1 - levels) * (quantiles - 2.0), pinball))
    assert one.crps(np.array([[2.0]]))[0, 0] == pytest.approx(integral, rel=1e-4)


def test_some_origins_are_taken_with_their_own_degrees() -> None:
    places = np.array([5, 3])
    taken = SPREAD.take(places)
    np.testing.assert_array_equal(taken.crps(RETURNS[places]), SPREAD.crps(RETURNS)[places])


@pytest.mark.parametrize("degrees", [2.5, 4.0, 30.0])
def test_the_fit_finds_scale_and_degrees_of_what_was_drawn(degrees: float) -> None:
    drawn = 7e-4 * RNG.standard_t(degrees, size=200_000)
    scale, found = fit_student_t(drawn)
    assert scale == pytest.approx(7e-4, rel=0.02)
    assert found == pytest.approx(degrees, rel=0.15)


def test_the_fit_is_as_likely_as_scipy_s() -> None:
    drawn = 1e-3 * RNG.standard_t(3, size=5_000)
    scale, degrees = fit_student_t(drawn)
    theirs = stats.t.fit(drawn, floc=0)
    ours = stats.t.logpdf(drawn, degrees, 0, scale).mean()
    assert ours == pytest.approx(stats.t.logpdf(drawn, *theirs).mean(), abs=1e-5)


@pytest.mark.parametrize(
    "values",
    [np.zeros(500), np.full(500, 1e-3), np.r_[np.zeros(990), RNG.normal(size=10)], [1e-3]],
    ids=["all 0", "all equal", "nearly all 0", "one"],
)
def test_values_that_tell_no_spread_still_get_one(values: np.ndarray) -> None:
    scale, degrees = fit_student_t(np.asarray(values, dtype=float))
    assert SMALLEST_SCALE <= scale < 1
    assert FEWEST_DEGREES - 1e-9 <= degrees <= MOST_DEGREES + 2.01
