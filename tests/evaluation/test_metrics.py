"""Metrics agree with scikit-learn, SciPy and their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from scipy import stats
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

from candlecast.evaluation import metrics

RNG = np.random.default_rng(1)
FORECAST, ACTUAL = RNG.normal(size=(2, 500))


def test_errors_agree_with_scikit_learn() -> None:
    assert metrics.mse(FORECAST, ACTUAL) == pytest.approx(mean_squared_error(ACTUAL, FORECAST))
    assert metrics.rmse(FORECAST, ACTUAL) == pytest.approx(
        root_mean_squared_error(ACTUAL, FORECAST)
    )
    assert metrics.mae(FORECAST, ACTUAL) == pytest.approx(mean_absolute_error(ACTUAL, FORECAST))


def test_skill_is_zero_for_persistence_and_one_for_a_perfect_forecast() -> None:
    assert metrics.skill(2.0, 2.0) == 0.0
    assert metrics.skill(0.0, 2.0) == 1.0
    assert metrics.skill(6.0, 2.0) == -2.0
    assert metrics.skill(0.0, 0.0) is None


def test_coverage_counts_the_ends_of_an_interval_as_inside() -> None:
    lower, upper = np.zeros(5), np.ones(5)
    actual = np.array([-0.1, 0.0, 0.5, 1.0, 1.1])
    assert metrics.coverage(lower, upper, actual) == 0.6


def test_the_interval_score_is_that_of_scoringrules() -> None:
    lower, upper = FORECAST - 0.7, FORECAST + 0.4
    theirs = scoringrules.interval_score(ACTUAL, lower, upper, 0.2)
    ours = metrics.interval_score(lower, upper, ACTUAL, 0.8)
    assert ours == pytest.approx(float(np.mean(theirs)))


def test_direction_leaves_out_what_has_none() -> None:
    forecast = np.array([1.0, 1.0, -1.0, -1.0, 0.0, 1.0])
    actual = np.array([2.0, -2.0, -2.0, -0.1, 1.0, 0.0])
    assert metrics.directional_accuracy(forecast, actual) == 0.75
    assert metrics.directional_accuracy(np.zeros(3), np.ones(3)) is None


def test_mase_of_the_naive_forecast_on_its_own_rows_is_one() -> None:
    naive = metrics.mae(ACTUAL[:-1], ACTUAL[1:])
    assert metrics.mase(ACTUAL[:-1], ACTUAL[1:], naive) == pytest.approx(1)
    assert metrics.mase(FORECAST, ACTUAL, naive) == pytest.approx(
        mean_absolute_error(ACTUAL, FORECAST) / np.mean(np.abs(np.diff(ACTUAL)))
    )
    assert metrics.mase(FORECAST, ACTUAL, 0.0) is None


def test_out_of_sample_r2_is_measured_against_no_return_and_not_the_mean() -> None:
    returns = ACTUAL + 3
    assert metrics.out_of_sample_r2(np.zeros(500), returns) == 0
    assert metrics.out_of_sample_r2(returns, returns) == 1
    mean = metrics.out_of_sample_r2(np.full(500, returns.mean()), returns)
    assert mean == pytest.approx(returns.mean() ** 2 / np.mean(returns**2))
    centred = ACTUAL - ACTUAL.mean()
    assert metrics.out_of_sample_r2(FORECAST, centred) == pytest.approx(r2_score(centred, FORECAST))
    assert metrics.out_of_sample_r2(FORECAST, np.zeros(500)) is None


def test_the_information_coefficient_is_the_correlation_of_ranks_with_ties() -> None:
    forecast, actual = np.round(FORECAST + ACTUAL, 1), np.round(ACTUAL, 1)
    ranks = np.corrcoef(stats.rankdata(forecast), stats.rankdata(actual))[0, 1]
    assert metrics.information_coefficient(forecast, actual) == pytest.approx(ranks)
    assert metrics.information_coefficient(np.exp(ACTUAL), ACTUAL) == pytest.approx(1)
    assert metrics.information_coefficient(np.zeros(500), ACTUAL) is None
    assert metrics.information_coefficient(FORECAST, np.zeros(500)) is None
    assert metrics.information_coefficient(FORECAST[:1], ACTUAL[:1]) is None


def test_pinball_is_the_mean_of_scikit_learns_over_the_levels() -> None:
    levels = (0.025, 0.5, 0.9)
    quantiles = np.sort(RNG.normal(size=(500, 3)), axis=1)
    reference = [
        mean_pinball_loss(ACTUAL, quantiles[:, place], alpha=level)
        for place, level in enumerate(levels)
    ]
    assert metrics.pinball(quantiles, levels, ACTUAL) == pytest.approx(np.mean(reference))
    assert metrics.pinball(quantiles, np.array(levels), ACTUAL) == pytest.approx(np.mean(reference))


def test_no_other_quantiles_have_a_smaller_pinball_loss_than_the_right_ones() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    outcomes = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    right = np.tile(stats.norm.ppf(levels), (2000, 1))
    least = metrics.pinball(right, levels, outcomes)
    for shift in (-0.2, 0.2):
        assert metrics.pinball(right + shift, levels, outcomes) > least


def test_the_width_of_an_interval_is_the_mean_of_its_widths() -> None:
    assert metrics.interval_width(np.array([0.0, 1.0]), np.array([1.0, 4.0])) == 2


def test_the_pit_histogram_is_flat_where_the_forecast_is_right_and_a_hump_where_too_wide() -> None:
    uniform = (np.arange(2000) + 0.5) / 2000
    np.testing.assert_allclose(metrics.pit_histogram(uniform), 0.05)
    too_wide = metrics.pit_histogram(stats.norm.cdf(stats.norm.ppf(uniform) / 2), bins=10)
    assert too_wide.shape == (10,)
    assert too_wide.sum() == pytest.approx(1)
    assert too_wide[4] > 2 * too_wide[0]
    assert metrics.pit_histogram(np.array([0.0, 1.0]), bins=2).tolist() == [0.5, 0.5]


def test_qlike_ranks_as_pattons_does_and_takes_a_return_of_zero() -> None:
    realised = RNG.chisquare(3, size=500)
    first, second = RNG.uniform(1, 5, size=(2, 500))

    def patton(variance: metrics.Floats) -> float:
        return float(np.mean(realised / variance - np.log(realised / variance) - 1))

    ours = [metrics.qlike(variance, realised) for variance in (first, second)]
    assert ours[0] is not None
    assert ours[1] is not None
    assert ours[0] - ours[1] == pytest.approx(patton(first) - patton(second))
    assert metrics.qlike(np.array([1.0, 2.0]), np.zeros(2)) == pytest.approx(np.log(2) / 2)


def test_qlike_is_least_at_the_true_variance() -> None:
    squared = stats.norm.ppf((np.arange(2000) + 0.5) / 2000) ** 2 * 4
    truth, low, high = (metrics.qlike(np.full(2000, v), squared) for v in (4.0, 3.0, 5.0))
    assert truth is not None
    assert low is not None
    assert high is not None
    assert truth < min(low, high)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_variance_that_is_not_above_zero_has_no_qlike(bad: float) -> None:
    assert metrics.qlike(np.array([1.0, bad]), np.ones(2)) is None


def test_the_r2_of_volatility_is_that_of_variance() -> None:
    realised, variance = RNG.chisquare(3, size=(2, 500))
    assert metrics.volatility_r2(variance, realised) == pytest.approx(r2_score(realised, variance))
    assert metrics.volatility_r2(realised, realised) == 1
    assert metrics.volatility_r2(variance, np.full(500, 0.1)) is None


def test_the_true_variance_has_an_r2_above_zero_though_squared_returns_are_noisy() -> None:
    variance = RNG.uniform(1, 2, size=100_000)
    realised = variance * RNG.normal(size=100_000) ** 2
    score = metrics.volatility_r2(variance, realised)
    assert score is not None
    assert 0.005 < score < 0.04
