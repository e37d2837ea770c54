"""Tests agree with statsmodels and closed forms, keep their level, and find what is there."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from candlecast.evaluation.significance import (
    FEWEST_LOSSES,
    Floats,
    bandwidth,
    diebold_mariano,
    fewest,
    holm,
    long_run_variance,
    pesaran_timmermann,
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
    degrees = min(count - 1, 1.5 * count / (lags + 1))
    assert ours.p_value == pytest.approx(2 * stats.t.cdf(-abs(ours.statistic), degrees))


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


@pytest.mark.parametrize("horizon", [1, 5, 60])
def test_equal_losses_are_called_different_no_more_often_than_the_level_says(horizon: int) -> None:
    # Fat-tailed moves over overlapping spans, whose dependence is the strongest that losses have.
    rows = 50 * horizon if horizon > 1 else 500
    rejected = 0
    for _ in range(600):
        path = np.cumsum(RNG.standard_t(5, size=rows + horizon))
        moves = path[horizon:] - path[:-horizon]
        test = diebold_mariano(-moves, np.zeros(rows), horizon)
        assert test is not None
        rejected += test.p_value < 0.05
    # With h - 1 lags and a normal law it would be 11 %. Three standard errors in 600 are 2.7
    # points; Bartlett's weights are a little liberal still.
    assert 0.02 < rejected / 600 < 0.05 + 0.027 + 0.015


@pytest.mark.parametrize("loss", ["absolute", "squared", "scaled"])
def test_losses_of_a_market_without_a_best_forecast_keep_the_level(loss: str) -> None:
    # Forecasting k and -k errs alike in the mean where returns are symmetric, whatever the loss.
    market = simulate(rows=400_001, r2=0.0, seed=3)
    returns = np.diff(np.log(market.candles.frame["close"].to_numpy()))
    spread = market.volatility[:-1]
    up, down = 0.3 * spread - returns, -0.3 * spread - returns
    losses = {
        "absolute": (np.abs(up), np.abs(down)),
        "squared": (up**2, down**2),
        "scaled": ((up / spread) ** 2, (down / spread) ** 2),
    }[loss]
    tests = [
        diebold_mariano(losses[0][start : start + 1000], losses[1][start : start + 1000], 1)
        for start in range(0, 400_000, 1000)
    ]
    rejected = np.mean([test is not None and test.p_value < 0.05 for test in tests])
    assert 0.015 < rejected < 0.05 + 0.033


def test_the_unit_of_a_loss_does_not_matter_however_large_or_small() -> None:
    losses = RNG.exponential(size=(2, 500))
    usual = diebold_mariano(losses[0], losses[1], 1)
    assert usual is not None
    for unit in (1e-250, 1e250):
        other = diebold_mariano(losses[0] * unit, losses[1] * unit, 1)
        assert other is not None
        assert other.statistic == pytest.approx(usual.statistic)


def closed_pesaran_timmermann(forecast: Floats, actual: Floats) -> float:
    """The statistic as Pesaran and Timmermann (1992) write it, equation 6."""
    count = len(forecast)
    y, x = np.mean(actual > 0), np.mean(forecast > 0)
    hits = np.mean(np.sign(forecast) == np.sign(actual))
    chance = y * x + (1 - y) * (1 - x)
    of_hits = chance * (1 - chance) / count
    of_chance = (
        (2 * y - 1) ** 2 * x * (1 - x) / count
        + (2 * x - 1) ** 2 * y * (1 - y) / count
        + 4 * y * x * (1 - y) * (1 - x) / count**2
    )
    return float((hits - chance) / np.sqrt(of_hits - of_chance))


@pytest.mark.parametrize("drift", [0.0, 0.4])
def test_the_test_of_direction_is_that_of_1992_where_moves_are_independent(drift: float) -> None:
    for pull in (-0.05, 0.0, 0.05):
        forecast, noise = RNG.normal(size=(2, 20_000)) + drift
        actual = pull * forecast + noise
        ours = pesaran_timmermann(forecast, actual, 1)
        assert ours is not None
        closed = closed_pesaran_timmermann(forecast, actual)
        assert ours.statistic == pytest.approx(closed, rel=0.12)
        assert abs(ours.statistic) <= abs(closed)
        assert ours.p_value == pytest.approx(2 * stats.norm.sf(abs(ours.statistic)), abs=1e-3)


def test_always_up_in_a_rising_market_is_no_skill_and_cannot_be_tested() -> None:
    actual = RNG.normal(size=1000) + 1
    assert pesaran_timmermann(np.ones(1000), actual, 1) is None
    mostly_up = np.where(RNG.random(1000) < 0.9, 1.0, -1.0)
    test = pesaran_timmermann(mostly_up, actual, 1)
    assert test is not None
    assert abs(test.statistic) < 3


def test_perfect_direction_is_found_and_its_opposite_has_the_opposite_sign() -> None:
    actual = np.resize([1.0, -1.0], 500)
    right, wrong = (pesaran_timmermann(sign * actual, actual, 1) for sign in (1, -1))
    assert right is not None
    assert wrong is not None
    assert right.statistic == -wrong.statistic > 5


def test_pairs_without_a_direction_are_left_out() -> None:
    forecast, actual = RNG.normal(size=(2, 600))
    forecast[::6], actual[1::6] = 0, 0
    counted = (forecast != 0) & (actual != 0)
    assert counted.sum() == 400
    whole = pesaran_timmermann(forecast, actual, 1)
    assert whole == pesaran_timmermann(forecast[counted], actual[counted], 1) is not None


def test_the_test_of_direction_keeps_its_level_over_overlapping_spans() -> None:
    rejected = 0
    for _ in range(400):
        path = np.cumsum(RNG.standard_t(5, size=1215))
        moves = path[15:] - path[:-15]
        forecast = np.convolve(RNG.normal(size=1219), np.ones(20), mode="valid")  # persistent
        test = pesaran_timmermann(forecast, moves, 15)
        assert test is not None
        rejected += test.p_value < 0.05
    assert rejected / 400 < 0.05 + 0.033


@pytest.mark.parametrize(
    ("forecast", "actual"),
    [
        (np.ones(99), -np.ones(99)),
        (np.resize([1.0, -1.0], 300), np.ones(300)),
        (np.zeros(300), np.resize([1.0, -1.0], 300)),
        (np.r_[np.nan, np.resize([1.0, -1.0], 299)], np.resize([1.0, -1.0, -1.0], 300)),
        (np.resize([1.0, -1.0], 300), np.r_[np.inf, np.resize([1.0, -1.0, -1.0], 299)]),
    ],
    ids=["too few", "only up", "no direction", "forecast not finite", "outcome not finite"],
)
def test_where_direction_cannot_be_tested_there_is_no_test(
    forecast: Floats, actual: Floats
) -> None:
    assert pesaran_timmermann(forecast, actual, 1) is None


def test_adjusted_p_values_are_those_of_statsmodels_and_what_was_not_asked_does_not_count() -> None:
    for _ in range(20):
        p_values = RNG.random(6) ** 3
        p_values[3] = p_values[0]
        reference = multipletests(p_values, method="holm")[1]
        assert holm(p_values.tolist()) == pytest.approx(reference.tolist())
        with_none = holm([None, *p_values.tolist(), None])
        assert with_none[0] is with_none[-1] is None
        assert with_none[1:-1] == holm(p_values.tolist())
    assert holm([]) == []
    assert holm([None]) == [None]


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
        (np.full(500, np.inf), np.full(500, np.inf)),
    ],
    ids=["too few", "equal", "constant difference", "not finite", "infinite"],
)
def test_where_a_test_means_nothing_there_is_none(model: Floats, baseline: Floats) -> None:
    assert diebold_mariano(model, baseline, 1) is None


def test_a_long_horizon_needs_more_losses() -> None:
    losses = RNG.exponential(size=(2, 500))
    assert diebold_mariano(losses[0], losses[1], 50) is not None
    assert diebold_mariano(losses[0], losses[1], 51) is None
    assert [fewest(1), fewest(10), fewest(50)] == [100, 100, 500]
