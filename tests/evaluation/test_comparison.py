"""The interval of skill holds what was planted; the best of many is told from luck."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from candlecast.evaluation.comparison import (
    model_confidence_set,
    skill_interval,
    superior_predictive_ability,
)
from candlecast.evaluation.significance import Floats, diebold_mariano
from candlecast.simulate import simulate

RNG = np.random.default_rng(8)


def losses_of_the_best_forecast(
    rows: int, r2: float, seed: int, horizon: int = 1
) -> tuple[Floats, Floats, float]:
    """Squared errors of price, of the best forecast and of persistence, and the skill planted.

    Each candle of the market gives back the share √r2 of the move before it, so the best forecast
    of the h moves to come is the sum of h echoes of the last.
    """
    market = simulate(rows, r2, seed)
    close = market.candles.frame["close"].to_numpy()
    slope = -math.sqrt(r2)
    echo = [slope**step for step in range(horizon)]
    variance = horizon + 2 * sum((horizon - step) * slope**step for step in range(1, horizon))
    truth = r2 * sum(echo) ** 2 / variance
    forecast = (close * np.exp(sum(echo) * market.expected_return))[:-horizon]
    last, actual = close[:-horizon], close[horizon:]
    return (forecast - actual) ** 2, (last - actual) ** 2, truth


@pytest.mark.parametrize(("rows", "r2", "horizon"), [(6_000, 0.01, 1), (3_000, 0.02, 5)])
def test_the_interval_of_skill_covers_what_was_planted_as_often_as_it_says(
    rows: int, r2: float, horizon: int
) -> None:
    samples = 200
    covered = 0
    for seed in range(samples):
        model, baseline, truth = losses_of_the_best_forecast(rows, r2, seed, horizon)
        interval = skill_interval(model, baseline, horizon)
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert stats.binomtest(covered, samples, 0.95).pvalue > 0.001


def test_a_lower_level_gives_a_narrower_interval_around_the_skill() -> None:
    model, baseline, _ = losses_of_the_best_forecast(3_000, 0.02, 1)
    skill = 1 - model.mean() / baseline.mean()
    wide, narrow = (skill_interval(model, baseline, 1, level) for level in (0.95, 0.5))
    assert wide is not None
    assert narrow is not None
    assert wide[0] < narrow[0] < skill < narrow[1] < wide[1]
    assert sum(wide) / 2 == pytest.approx(skill)


def test_the_seed_alone_decides_an_interval() -> None:
    model, baseline, _ = losses_of_the_best_forecast(2_000, 0.02, 1)
    first = skill_interval(model, baseline, 1, seed=1)
    assert first == skill_interval(model, baseline, 1, seed=1)
    assert first != skill_interval(model, baseline, 1, seed=2)


def test_an_interval_and_the_test_say_the_same() -> None:
    # One errs half as much as the other, or as much: 0 lies outside, or inside.
    loss = RNG.exponential(size=(2, 1000))
    for share, found in ((0.5, True), (1.0, False)):
        test = diebold_mariano(share * loss[0], loss[1], 1)
        interval = skill_interval(share * loss[0], loss[1], 1)
        assert test is not None
        assert interval is not None
        assert (test.p_value < 0.05) == found == (not interval[0] <= 0 <= interval[1])


def test_the_unit_of_a_loss_does_not_move_the_interval() -> None:
    model, baseline = RNG.exponential(size=(2, 500))
    usual = skill_interval(model, baseline, 1)
    assert usual is not None
    for unit in (1e-200, 1e200):
        assert skill_interval(unit * model, unit * baseline, 1) == pytest.approx(usual)


def test_summing_in_blocks_keeps_the_dependence_of_overlapping_spans() -> None:
    # 40,000 moves over 60 candles: the standard error is that of a sum of 60, not of one.
    path = np.cumsum(RNG.normal(size=40_060))
    moves = path[60:] - path[:-60]
    baseline = np.full(40_000, 100.0)
    interval = skill_interval(baseline - moves, baseline, 60)
    assert interval is not None
    expected = 2 * 1.96 * 60 / math.sqrt(40_000) / 100
    assert interval[1] - interval[0] == pytest.approx(expected, rel=0.25)


def test_a_model_that_errs_half_as_much_on_every_row_has_a_skill_of_one_half() -> None:
    baseline = RNG.exponential(size=500)
    assert skill_interval(baseline / 2, baseline, 1) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("model", "baseline"),
    [
        (np.arange(99.0), np.ones(99)),
        (np.ones(500), np.ones(500)),
        (np.ones(500), np.full(500, 2.0)),
        (np.r_[np.nan, np.ones(499)], np.ones(500)),
        (np.r_[np.inf, np.ones(499)], np.r_[np.inf, np.ones(499)]),
        (np.arange(500.0), np.zeros(500)),
    ],
    ids=["too few", "equal", "constant", "nan", "infinite", "no loss"],
)
def test_where_an_interval_means_nothing_there_is_none(model: Floats, baseline: Floats) -> None:
    assert skill_interval(model, baseline, 1) is None


def test_where_few_rows_have_a_loss_resamples_that_lack_them_leave_no_interval() -> None:
    baseline = np.r_[5.0, 3.0, np.zeros(498)]
    model = np.r_[4.0, 1.0, np.zeros(498)]
    assert skill_interval(model, baseline, 1) is None


def test_the_best_of_many_models_without_skill_is_called_skilled_no_more_than_the_level() -> None:
    # Eight models that guess, on a market where nothing is to be guessed.
    rejected = {"at 5 %": 0, "if each were tested alone": 0}
    samples = 120
    for seed in range(samples):
        market = simulate(401, 0.0, seed)
        returns = np.diff(np.log(market.candles.frame["close"].to_numpy()))
        baseline = returns**2
        guesses = RNG.normal(scale=0.02 * returns.std(), size=(8, 400))
        losses = {str(place): (guess - returns) ** 2 for place, guess in enumerate(guesses)}
        p_value = superior_predictive_ability(baseline, losses, 1)
        assert p_value is not None
        rejected["at 5 %"] += p_value < 0.05
        alone = (diebold_mariano(loss, baseline, 1) for loss in losses.values())
        rejected["if each were tested alone"] += any(
            test is not None and test.statistic > 0 and test.p_value < 0.1 for test in alone
        )
    assert stats.binomtest(rejected["at 5 %"], samples, 0.05, alternative="greater").pvalue > 0.001
    assert rejected["if each were tested alone"] > 2 * 0.05 * samples


def test_one_model_with_skill_among_noisy_ones_is_found() -> None:
    # Means as they are, not over their standard deviation, would let the noise drown the skill.
    baseline = RNG.exponential(size=1_000)
    best = baseline - 0.1 + RNG.normal(scale=0.5, size=1_000)
    best[0] -= 20
    noisy = {str(place): baseline + RNG.uniform(-20, 20, size=1_000) for place in range(5)}
    p_value = superior_predictive_ability(baseline, {"best": best} | noisy, 1)
    assert p_value is not None
    assert p_value < 0.01
    assert superior_predictive_ability(baseline, {"worse": baseline + best}, 1) == 1.0


def test_superior_ability_is_the_seeds_and_none_where_nothing_can_be_tested() -> None:
    # Whole 1,024ths, to which 1 is added without rounding.
    baseline, model = np.round(RNG.exponential(size=(2, 500)) * 1024) / 1024
    first = superior_predictive_ability(baseline, {"a": model}, 1, seed=1)
    assert first == superior_predictive_ability(baseline, {"a": model}, 1, seed=1)
    with_itself = {"a": model, "persistence": baseline, "constant": baseline + 1}
    assert superior_predictive_ability(baseline, with_itself, 1, seed=1) == first
    for models in (
        {},
        {"equal": baseline},
        {"nan": np.r_[np.nan, model[1:]]},
        {"infinite": np.full(500, np.inf)},
    ):
        assert superior_predictive_ability(baseline, models, 1) is None
    assert superior_predictive_ability(baseline[:99], {"a": model[:99]}, 1) is None


def test_the_best_model_stays_in_the_confidence_set_and_the_clearly_worse_leave() -> None:
    stayed = 0
    for seed in range(20):
        model, baseline, _ = losses_of_the_best_forecast(3_000, 0.02, seed)
        noisy = baseline * RNG.normal(1, 0.3, size=len(baseline)) ** 2
        names = model_confidence_set(
            {"noisy": noisy, "persistence": baseline, "best": model, "awful": 2 * baseline}, 1
        )
        assert names is not None
        assert "awful" not in names
        stayed += "best" in names
    assert stats.binomtest(stayed, 20, 0.9, alternative="less").pvalue > 0.001


def test_the_confidence_set_holds_the_best_at_its_level_where_all_are_equal() -> None:
    # The first of four models with equal expected loss is a best one: it stays in 90 % or more.
    stayed = 0
    for seed in range(120):
        losses = np.random.default_rng(seed).exponential(size=(4, 400))
        names = model_confidence_set(dict(zip("abcd", losses, strict=True)), 1)
        assert names is not None
        stayed += "a" in names
    assert stats.binomtest(stayed, 120, 0.9, alternative="less").pvalue > 0.001


def test_names_come_in_the_order_given_and_equal_losses_stay_or_leave_together() -> None:
    good, other = RNG.exponential(size=(2, 400))
    losses = {
        "z": good,
        "bad": 3 * other + 1,
        "a": good.copy(),
        "worse by 1 on every row": good + 1,
        "bad too": 3 * other + 1,
    }
    assert model_confidence_set(losses, 1) == ("z", "a")


def test_losses_that_differ_by_rounding_alone_are_equal() -> None:
    first = RNG.exponential(size=400)
    rounded = first * np.where(np.arange(400) % 20, 1.0, 1 + 4e-16)
    assert not np.array_equal(first, rounded)
    losses = {"one": first, "other": rounded, "worse": first + 1.0 + RNG.exponential(size=400)}
    assert model_confidence_set(losses, 1) == ("one", "other")


def test_a_model_alone_and_losses_that_do_not_vary_need_no_resampling() -> None:
    ones = np.ones(200)
    assert model_confidence_set({"only": RNG.exponential(size=200)}, 1) == ("only",)
    assert model_confidence_set({"a": ones, "b": ones.copy()}, 1) == ("a", "b")
    assert model_confidence_set({"a": 2 * ones, "b": ones, "c": 3 * ones}, 1) == ("b",)
    assert model_confidence_set({"a": 0 * ones, "b": 0 * ones}, 1) == ("a", "b")


def test_there_is_no_confidence_set_of_losses_that_tell_nothing() -> None:
    loss = RNG.exponential(size=200)
    assert model_confidence_set({}, 1) is None
    assert model_confidence_set({"a": loss[:99], "b": loss[:99]}, 1) is None
    assert model_confidence_set({"a": loss, "b": np.r_[np.nan, loss[1:]]}, 1) is None
    assert model_confidence_set({"a": loss, "b": np.full(200, np.inf)}, 1) is None
