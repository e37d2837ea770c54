"""A distribution told by its quantiles has them, is linear between and exponential beyond."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from scipy import stats

from candlecast.distributions import SMALLEST_SCALE, Floats, QuantileFunction
from candlecast.distributions.quantile_function import LEVELS

NORMAL: Floats = np.asarray(stats.norm.ppf(LEVELS))
ONE = QuantileFunction(NORMAL[None, None])


def at(value: float) -> Floats:
    return np.array([[value]])


def test_its_quantiles_are_those_it_was_told() -> None:
    np.testing.assert_array_equal(ONE.quantiles(LEVELS)[0, 0], NORMAL)
    for level, value in zip(LEVELS, NORMAL, strict=True):
        assert ONE.cdf(at(value))[0, 0] == pytest.approx(level, abs=1e-12)


def test_between_two_levels_it_is_linear() -> None:
    halfway = (LEVELS[3] + LEVELS[4]) / 2
    value = (NORMAL[3] + NORMAL[4]) / 2
    assert ONE.quantiles([halfway])[0, 0, 0] == pytest.approx(value)
    slope = (LEVELS[4] - LEVELS[3]) / (NORMAL[4] - NORMAL[3])
    assert ONE.log_density(at(value))[0, 0] == pytest.approx(np.log(slope))


@pytest.mark.parametrize("side", [1, -1])
def test_a_tail_is_exponential_and_begins_with_the_density_beside_it(side: int) -> None:
    end, inner = (NORMAL[-1], NORMAL[-2]) if side == 1 else (NORMAL[0], NORMAL[1])
    density = 0.015 / abs(end - inner)
    tail = stats.expon(scale=0.01 / density)
    beyond = np.array([0.1, 1.0, 5.0])
    for away in beyond:
        came = at(end + side * away)
        log_density = np.log(0.01) + tail.logpdf(away)
        assert ONE.log_density(came)[0, 0] == pytest.approx(log_density)
        share = 0.01 * tail.sf(away)
        assert ONE.cdf(came)[0, 0] == pytest.approx(share if side == -1 else 1 - share)


def test_crps_is_near_that_of_the_distribution_whose_quantiles_it_has() -> None:
    came = np.linspace(-3, 3, 13)
    ours = QuantileFunction(np.broadcast_to(NORMAL, (13, len(LEVELS)))).crps(came)
    np.testing.assert_allclose(ours, scoringrules.crps_normal(came, 0, 1), atol=0.01)


def test_equal_and_crossing_quantiles_are_moved_apart_around_the_median() -> None:
    values = np.stack([NORMAL, np.full(len(LEVELS), 0.3), NORMAL[::-1]])[:, None]
    values[0, 0, 3] = values[0, 0, 4]
    spread = QuantileFunction(values.copy())
    assert (np.diff(spread.values, axis=-1) > 0).all()
    np.testing.assert_allclose(spread.median[:, 0], [0.0, 0.3, 0.0], atol=1e-12)
    np.testing.assert_allclose(spread.values[:2], values[:2], atol=SMALLEST_SCALE)
    came = np.full((3, 1), 0.3)
    for each in (spread.cdf(came), spread.crps(came), spread.log_density(came)):
        assert np.isfinite(each).all()
    again = QuantileFunction(spread.values)
    np.testing.assert_array_equal(again.values, spread.values)
