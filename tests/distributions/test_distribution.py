"""Every family of distributions keeps what `Distribution` promises, by numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from candlecast.distributions import (
    FAMILIES,
    SMALLEST_SCALE,
    Distribution,
    Floats,
    NormalMixture,
    QuantileFunction,
    StudentT,
    distribution_from,
)
from candlecast.distributions.quantile_function import LEVELS

SHAPE = (40, 3)
BANDS = (0.75, 0.9, 0.975)


def student_t(seed: int = 0) -> StudentT:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 3, SHAPE)
    return StudentT(rng.normal(size=SHAPE), scale, np.array([[3.0, 5.0, 80.0]]))


def normal_mixture(seed: int = 0) -> NormalMixture:
    rng = np.random.default_rng(seed)
    shape = (*SHAPE, 3)
    weights = rng.dirichlet([1, 1, 1], SHAPE)
    return NormalMixture(weights, rng.normal(size=shape), rng.uniform(0.2, 3, shape))


def quantile_function(seed: int = 0) -> QuantileFunction:
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.uniform(0.1, 0.9, (*SHAPE, len(LEVELS))), axis=-1)
    return QuantileFunction(values - 4)


EXAMPLES: list[Distribution] = [student_t(), normal_mixture(), quantile_function()]
every_family = pytest.mark.parametrize(
    "spread", EXAMPLES, ids=[type(each).__name__ for each in EXAMPLES]
)


def returns_of(seed: int = 1) -> Floats:
    return np.asarray(2 * np.random.default_rng(seed).standard_t(4, SHAPE))


def along(spread: Distribution, grid: Floats) -> Distribution:
    """The first origin and horizon's, once for each point of a grid."""
    return spread.at_horizon(0).take(np.zeros(len(grid), np.int64))


def assert_same(one: Distribution, other: Distribution, rtol: float = 0.0) -> None:
    assert type(one) is type(other)
    np.testing.assert_allclose(one.location, other.location, rtol=rtol, atol=rtol)
    theirs = other.columns()
    assert one.columns().keys() == theirs.keys()
    for name, values in one.columns().items():
        whole = np.broadcast_to(theirs[name], values.shape)
        np.testing.assert_allclose(values, whole, rtol=rtol, atol=rtol)


def test_every_family_has_an_example() -> None:
    assert {type(each) for each in EXAMPLES} == set(FAMILIES)


@every_family
def test_a_quantile_has_its_share_below_it(spread: Distribution) -> None:
    levels = [0.001, 0.01, 0.025, 0.33, 0.5, 0.9, 0.99, 0.9999]
    quantiles = spread.quantiles(levels)
    assert quantiles.shape == (*SHAPE, len(levels))
    assert (np.diff(quantiles, axis=-1) > 0).all()
    for place, level in enumerate(levels):
        np.testing.assert_allclose(spread.cdf(quantiles[..., place]), level, rtol=1e-9)
    np.testing.assert_allclose(spread.quantiles([0.5])[..., 0], spread.median, atol=1e-12)


@every_family
def test_the_density_is_the_cdf_s_slope_and_a_whole_is_one(spread: Distribution) -> None:
    grid = np.linspace(-100, 100, 100_001)
    one = along(spread, grid)
    density = np.exp(one.log_density(grid))
    assert integrate.trapezoid(density, grid) == pytest.approx(1, abs=2e-3)
    grown = integrate.cumulative_trapezoid(density, grid, initial=0) + one.cdf(grid)[0]
    np.testing.assert_allclose(grown, one.cdf(grid), atol=2e-3)


@every_family
@pytest.mark.parametrize("came", [-30.0, -0.4, 0.0, 0.9, 12.0])
def test_crps_is_the_integral_of_its_definition(spread: Distribution, came: float) -> None:
    below, above = np.linspace(-200, came, 40_001), np.linspace(came, 200, 40_001)
    by_hand = integrate.trapezoid(along(spread, below).cdf(below) ** 2, below)
    by_hand += integrate.trapezoid((1 - along(spread, above).cdf(above)) ** 2, above)
    assert spread.crps(np.full(SHAPE, came))[0, 0] == pytest.approx(by_hand, abs=1e-4)


@every_family
def test_what_is_drawn_from_it_scores_best_under_it(spread: Distribution) -> None:
    shares = np.random.default_rng(5).uniform(size=3_000)
    drawn = spread.take(np.array([0])).quantiles(shares.tolist())[0, 0]
    one = along(spread, drawn)
    for other in (one.moved(1.0, 1.0), one.moved(one.location * -0.6, 1.6), one.moved(0.0, 0.6)):
        assert one.crps(drawn).mean() < other.crps(drawn).mean()
        assert one.log_density(drawn).mean() > other.log_density(drawn).mean()


@every_family
def test_to_be_moved_is_to_move_what_is_drawn(spread: Distribution) -> None:
    shift, factor = np.random.default_rng(3).normal(size=SHAPE), np.full((SHAPE[0], 1), 2.5)
    moved, came = spread.moved(shift, factor), returns_of()
    np.testing.assert_allclose(moved.cdf(shift + factor * came), spread.cdf(came), atol=1e-10)
    np.testing.assert_allclose(moved.crps(shift + factor * came), factor * spread.crps(came))
    np.testing.assert_allclose(moved.location, shift + factor * spread.location, atol=1e-12)
    np.testing.assert_allclose(moved.width, factor * spread.width)
    same = spread.moved(0.0, 1.0)
    assert_same(same, spread)


@every_family
def test_it_can_be_put_around_another_location(spread: Distribution) -> None:
    target = np.random.default_rng(4).normal(size=SHAPE)
    there, came = spread.centred_at(target), returns_of()
    np.testing.assert_allclose(there.location, target, atol=1e-12)
    moved = came + target - spread.location
    np.testing.assert_allclose(there.log_density(moved), spread.log_density(came), atol=1e-7)


@every_family
def test_bands_reach_from_the_median_to_their_ends(spread: Distribution) -> None:
    below, above = spread.reaches(BANDS)
    median = spread.median[..., None]
    lower = spread.quantiles([1 - level for level in BANDS])
    np.testing.assert_allclose(median - below, lower, atol=1e-10)
    np.testing.assert_allclose(median + above, spread.quantiles(BANDS), atol=1e-10)


@every_family
def test_some_origins_and_one_horizon_are_taken_whole(spread: Distribution) -> None:
    places, came = np.array([5, 3]), returns_of()
    taken = spread.take(places).at_horizon(2)
    for ours, whole in (
        (taken.crps(came[places, 2]), spread.crps(came)),
        (taken.cdf(came[places, 2]), spread.cdf(came)),
        (taken.median, spread.median),
        (taken.width, spread.width),
        (taken.quantiles([0.3])[:, 0], spread.quantiles([0.3])[..., 0]),
    ):
        np.testing.assert_array_equal(ours, whole[places, 2])
    mask = np.arange(SHAPE[0]) % 2 == 0
    np.testing.assert_array_equal(spread.take(mask).cdf(came[mask]), spread.cdf(came)[mask])
    assert spread.take(np.array([], np.int64)).quantiles([0.3]).shape == (0, 3, 1)


@every_family
def test_it_comes_back_from_its_columns(spread: Distribution) -> None:
    columns = {name: np.broadcast_to(each, SHAPE) for name, each in spread.columns().items()}
    again = distribution_from(spread.location, columns | {"mean": spread.location})
    assert again is not None
    assert_same(again, spread)
    for name in columns:
        fewer = {other: values for other, values in columns.items() if other != name}
        assert distribution_from(spread.location, fewer) is None or "_" in name


@every_family
def test_what_is_no_number_stays_with_its_own_origin(spread: Distribution) -> None:
    came, shift = returns_of(), np.zeros(SHAPE)
    shift[3] = came[7] = np.nan
    broken = spread.moved(shift, 1.0)
    for ours, whole in (
        (broken.crps(came), spread.crps(came)),
        (broken.cdf(came), spread.cdf(came)),
        (broken.log_density(came), spread.log_density(came)),
    ):
        assert np.isnan(ours[[3, 7]]).all()
        np.testing.assert_array_equal(np.delete(ours, [3, 7], 0), np.delete(whole, [3, 7], 0))
    quantiles = broken.quantiles([0.1, 0.5])
    assert np.isnan(quantiles[3]).all()
    assert np.isfinite(np.delete(quantiles, 3, 0)).all()


@every_family
def test_a_market_that_never_moves_still_has_a_distribution(spread: Distribution) -> None:
    flat, came = spread.moved(0.0, 0.0), returns_of()
    for each in (flat.crps(came), flat.log_density(0 * came), flat.cdf(came), flat.width):
        assert np.isfinite(each).all()
    np.testing.assert_allclose(flat.quantiles([0.025, 0.975]), 0.0, atol=30 * SMALLEST_SCALE)
    np.testing.assert_allclose(flat.crps(came), np.abs(came), atol=30 * SMALLEST_SCALE)
    assert (np.diff(flat.quantiles([0.1, 0.5, 0.9]), axis=-1) > 0).all()
