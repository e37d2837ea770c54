"""The Diebold-Mariano test agrees with statsmodels, keeps its level, and finds what is there."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from candlecast.evaluation.significance import (
    FEWEST_LOSSES,
    bandwidth,
    diebold_mariano,
    long_run_variance,
)
from candlecast.simulate import simulate

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("horizon", [1, 5, 60])
def test_the_statistic_is_that_of_statsmodels_with_the_small_sample_correction(
    horizon: int,
) -> None:
    count = 2000
    noise = RNG.standard_t(4, size=count + 30)
    difference = np.convolve(noise, np.ones(31) / 31, mode="valid") + 0.02
    baseline = RNG.exponential(size=count)
    ours = diebold_mariano(baseline - difference, baseline, horizon)
    assert ours is not None
    lags = bandwidth(count, horizon)
    reference = sm.OLS(difference, np.ones(count)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    correction = np.sqrt((count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count)
    assert ours.statistic == pytest.approx(reference.tvalues[0] * correction, rel=1e-9)
    assert ours.p_value == pytest.approx(2 * stats.t.cdf(-abs(ours.statistic), count - 1))


def test_without_lags_the_long_run_variance_is_the_variance() -> None:
    values = RNG.normal(size=500)
    assert long_run_variance(values, 0) == pytest.approx(np.var(values))


def test_the_sign_says_who_is_better() -> None:
    loss = RNG.exponential(size=(2, 1000))
    better = diebold_mariano(loss[0] * 0.5, loss[1], 1)
    worse = diebold_mariano(loss[1], loss[0] * 0.5, 1)
    assert better is not None
    assert worse is not None
    assert better.statistic == pytest.approx(-worse.statistic)
    assert better.statistic > 0
    assert better.p_value == pytest.approx(worse.p_value)


def test_equal_losses_are_called_different_no_more_often_than_the_level_says() -> None:
    # Dependent, fat-tailed differences with mean 0, five candles ahead: 400 tests at 5 %.
    rejected = 0
    for _ in range(400):
        shocks = RNG.standard_t(5, size=804)
        difference = np.convolve(shocks, np.ones(5), mode="valid")
        test = diebold_mariano(-difference, np.zeros(800), 5)
        assert test is not None
        rejected += test.p_value < 0.05
    # Three standard errors of a share of 5 % in 400 are 3.3 points; Newey-West is a little liberal.
    assert 0.01 < rejected / 400 < 0.05 + 0.033 + 0.02


def test_planted_skill_is_found_and_its_absence_is_not_called_skill() -> None:
    found = []
    for r2 in (0.0, 0.02):
        market = simulate(rows=50_000, r2=r2, seed=11)
        close = market.candles.frame["close"].to_numpy()
        returns = np.diff(np.log(close))
        # The first half estimates how much of a move is given back, the second half judges.
        past, following = returns[:-1], returns[1:]
        half = len(past) // 2
        slope = past[:half] @ following[:half] / (past[:half] @ past[:half])
        model = (following[half:] - slope * past[half:]) ** 2
        test = diebold_mariano(model, following[half:] ** 2, 1)
        assert test is not None
        found.append(test.statistic > 0 and test.p_value < 0.05)
    assert found == [False, True]


@pytest.mark.parametrize(
    ("model", "baseline"),
    [
        (np.ones(FEWEST_LOSSES - 1), np.arange(FEWEST_LOSSES - 1.0)),
        (np.ones(500), np.ones(500)),
        (np.ones(500), np.full(500, 2.0)),
        (np.ones(500), np.r_[np.nan, np.arange(499.0)]),
    ],
    ids=["too few", "equal", "constant difference", "not finite"],
)
def test_where_a_test_means_nothing_there_is_none(model: np.ndarray, baseline: np.ndarray) -> None:
    assert diebold_mariano(model, baseline, 1) is None


def test_a_long_horizon_needs_more_losses() -> None:
    losses = RNG.exponential(size=(2, 500))
    assert diebold_mariano(losses[0], losses[1], 50) is not None
    assert diebold_mariano(losses[0], losses[1], 51) is None
