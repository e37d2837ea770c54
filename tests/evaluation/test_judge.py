"""The judge finds what was planted, is not fooled by luck, and says why it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from candlecast.evaluation.judge import LEVEL, QUESTIONS, Judgement, judge
from candlecast.evaluation.significance import Floats, holm
from candlecast.simulate import simulate


def market(rows: int, r2: float, seed: int) -> tuple[Floats, Floats, Floats]:
    """Closes, log returns up to each, and a forecast of the variance of the next."""
    close = simulate(rows, r2, seed).candles.frame["close"].to_numpy()
    returns = np.diff(np.log(close), prepend=np.log(close[0]))
    start = [0.97 * returns[:100].var()]
    return close, returns, lfilter([0.03], [1, -0.97], returns**2, zi=start)[0]


def judged(factor: float, rows: int = 2000, horizon: int = 1, seed: int = 4) -> Judgement:
    """A model that forecasts a share of the move that comes."""
    close, _, variance = market(rows, 0.0, seed)
    last, actual = close[:-horizon], close[horizon:]
    return judge(last + factor * (actual - last), last, actual, variance[:-horizon], horizon)


@pytest.fixture
def without_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the interval, which takes nearly all the time and no part in the verdict."""

    def none(*_: object) -> None:
        return None

    monkeypatch.setattr("candlecast.evaluation.judge.skill_interval", none)


@pytest.mark.usefixtures("without_interval")
def test_on_a_market_without_skill_a_model_seldom_beats_persistence() -> None:
    # Guesses so small that they cost nothing, and autoregressions fitted on the 500 rows before.
    rows, fitted, beaten, count = 1_000, 500, {"guess": 0, "fit": 0}, 0
    rng = np.random.default_rng(2)
    for seed in (1, 2):
        close, returns, variance = market(150_000, 0.0, seed)
        past = np.column_stack([np.roll(returns, lag) for lag in range(5)])
        for start in range(fitted + 10, len(close) - rows - 1, rows):
            train = np.arange(start - fitted, start)
            slopes = np.linalg.lstsq(past[train - 1], returns[train], rcond=None)[0]
            at = np.arange(start, start + rows)
            guess = rng.normal(scale=0.02 * np.sqrt(variance[at]))
            for name, forecast_return in (("guess", guess), ("fit", past[at] @ slopes)):
                forecast = close[at] * np.exp(forecast_return)
                verdict = judge(forecast, close[at], close[at + 1], variance[at], 1).verdict
                beaten[name] += verdict == "beats persistence"
            count += 1
    assert count >= 200
    for found in beaten.values():
        assert stats.binomtest(found, count, LEVEL, alternative="greater").pvalue > 0.001
    # Half the level, rather: each question looks both ways, and a fit that errs more never wins.
    assert sum(beaten.values()) / (2 * count) < LEVEL


@pytest.mark.usefixtures("without_interval")
def test_half_a_percent_that_was_planted_is_nearly_always_found() -> None:
    verdicts = []
    for seed in range(20):
        close, returns, variance = market(60_001, 0.005, seed)
        slope = returns[:9_999] @ returns[1:10_000] / (returns[:9_999] @ returns[:9_999])
        at = np.arange(10_000, 60_000)
        forecast = close[at] * np.exp(slope * returns[at])
        verdicts.append(judge(forecast, close[at], close[at + 1], variance[at], 1).verdict)
    assert verdicts.count("beats persistence") >= 19


def test_a_judgement_tells_which_questions_decided_it_and_how_surely() -> None:
    better = judged(0.2)
    assert better.verdict == "beats persistence"
    assert [question.name for question in better.questions] == list(QUESTIONS)
    assert all(q.statistic is not None and q.statistic > 0 for q in better.questions)
    assert [q.adjusted for q in better.questions] == holm([q.p_value for q in better.questions])
    assert better.p_value == min(q.adjusted for q in better.questions if q.adjusted is not None)
    assert better.reason == (
        "better in squared error (p < 1e-6), absolute error (p < 1e-6), "
        "scaled squared error (p < 1e-6) and direction (p < 1e-6)"
    )
    assert better.interval == pytest.approx((0.36, 0.36))


def test_a_model_with_the_right_direction_and_larger_errors_is_worse() -> None:
    worse = judged(3.0)
    assert worse.verdict == "worse than persistence"
    assert worse.reason.startswith("worse in squared error (p < 1e-6), absolute error (p < 1e-6)")
    assert worse.reason.endswith(", though it tells direction better than chance")
    assert worse.interval == pytest.approx((-3, -3))
    wrong = judged(-1.0)
    assert wrong.verdict == "worse than persistence"
    assert "direction" not in wrong.reason


def test_better_direction_alone_beats_persistence_where_errors_are_not_worse() -> None:
    # The move's sign and next to none of its size: the wild rows hide the gain in squared error.
    close, _, variance = market(2_000, 0.0, 4)
    last, actual = close[:-1], close[1:]
    heads = np.random.default_rng(0).choice([1.0, -1.0], size=1_999, p=[0.6, 0.4])
    move = np.random.default_rng(1).standard_cauchy(1_999) * 1e-4
    judgement = judge(
        last + move * heads * np.sign(actual - last) * np.sign(move), last, actual, variance[:-1], 1
    )
    assert judgement.questions[3].adjusted is not None
    assert judgement.questions[3].adjusted < LEVEL
    assert judgement.verdict == "beats persistence"


def test_errors_that_disagree_are_no_evidence_of_skill() -> None:
    # Nearer on most rows, and so far away on a twentieth of them that the squares are worse.
    close, _, variance = market(4_000, 0.0, 4)
    last, actual = close[:-1], close[1:]
    far = np.arange(3_999) % 20 == 0
    move = actual - last
    forecast = last + np.where(far, 8 * np.sign(move) * np.std(move), 0.7 * move)
    judgement = judge(forecast, last, actual, variance[:-1], 1)
    assert judgement.verdict == "no evidence of skill"
    assert judgement.reason.startswith("the questions disagree: better in absolute error")
    assert "worse in squared error" in judgement.reason


def test_a_guess_is_no_evidence_and_the_reason_gives_the_smallest_p_value() -> None:
    close, _, variance = market(2_000, 0.0, 5)
    guess = close[:-1] * np.exp(np.random.default_rng(3).normal(scale=1e-5, size=1_999))
    judgement = judge(guess, close[:-1], close[1:], variance[:-1], 1)
    assert judgement.verdict == "no evidence of skill"
    assert judgement.p_value is not None
    assert judgement.p_value >= LEVEL
    assert judgement.p_value > min(q.p_value or 0 for q in judgement.questions)
    assert judgement.reason == (
        f"nothing sets it apart (the smallest of 4 adjusted p-values is {judgement.p_value:.2g})"
    )
    assert judgement.interval is not None
    assert judgement.interval[0] < 0 < judgement.interval[1]


def unasked(judgement: Judgement) -> bool:
    """Whether nothing could be asked."""
    return (
        judgement.p_value is None
        and judgement.interval is None
        and [question.name for question in judgement.questions] == list(QUESTIONS)
        and all(
            question.statistic is question.p_value is question.adjusted is None
            for question in judgement.questions
        )
    )


@pytest.mark.parametrize(
    ("rows", "horizon", "reason"),
    [
        (100, 1, "99 outcomes are known and 100 are needed"),
        (1, 1, "no outcome is known at this horizon"),
        (600, 60, "540 outcomes are known and 600 are needed"),
    ],
)
def test_too_few_rows_cannot_be_judged(rows: int, horizon: int, reason: str) -> None:
    close, _, variance = market(max(rows, 2), 0.0, 1)
    last, actual = close[: rows - horizon], close[horizon:rows]
    judgement = judge(0.5 * (last + actual), last, actual, variance[: rows - horizon], horizon)
    assert (judgement.verdict, judgement.reason) == ("cannot be judged", reason)
    assert unasked(judgement)


def test_rows_without_an_outcome_are_left_out() -> None:
    close, _, variance = market(1_000, 0.0, 1)
    last, actual = close[:-1], close[1:]
    forecast = last + 0.1 * (actual - last)
    whole = judge(forecast, last, actual, variance[:-1], 1)
    open_end = judge(
        np.r_[forecast, np.nan],
        np.r_[last, close[-1]],
        np.r_[actual, np.nan],
        np.r_[variance[:-1], 0],
        1,
    )
    assert open_end == whole
    none = judge(forecast, last, np.full(999, np.nan), variance[:-1], 1)
    assert (none.verdict, none.reason) == (
        "cannot be judged",
        "no outcome is known at this horizon",
    )
    assert unasked(none)


def test_persistence_itself_forecasts_no_change() -> None:
    judgement = judged(0.0)
    assert judgement.verdict == "no evidence of skill"
    assert judgement.reason == "it forecasts no change"
    assert unasked(judgement)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_forecasts_that_are_not_finite_are_counted_and_not_judged(bad: float) -> None:
    close, _, variance = market(2_000, 0.0, 1)
    forecast = close[:-1] + 1
    forecast[[3, 50]] = bad
    judgement = judge(forecast, close[:-1], close[1:], variance[:-1], 1)
    assert judgement.verdict == "cannot be judged"
    assert judgement.reason == "2 of 1,999 forecasts are not finite"
    assert unasked(judgement)


@pytest.mark.parametrize("price", [0.0, -5.0])
def test_a_price_that_is_not_above_zero_leaves_only_the_return_unasked(price: float) -> None:
    close, _, variance = market(2_000, 0.0, 1)
    forecast = close[:-1] - 3 * np.diff(close)
    forecast[7] = price
    judgement = judge(forecast, close[:-1], close[1:], variance[:-1], 1)
    asked = {question.name for question in judgement.questions if question.statistic is not None}
    assert asked == {"squared error", "absolute error", "direction"}
    assert judgement.verdict == "worse than persistence"


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_variance_that_is_none_leaves_only_the_scaled_error_unasked(bad: float) -> None:
    close, _, variance = market(2_000, 0.0, 1)
    variance[9] = bad
    last, actual = close[:-1], close[1:]
    judgement = judge(last + 0.5 * (actual - last), last, actual, variance[:-1], 1)
    asked = [question.statistic is not None for question in judgement.questions]
    assert asked == [True, True, False, True]
    assert judgement.verdict == "beats persistence"


def test_errors_too_large_for_a_number_leave_their_question_unasked() -> None:
    close, _, variance = market(2_000, 0.0, 1)
    forecast = 10.0 ** np.linspace(150, 300, 1_999)
    judgement = judge(forecast, close[:-1], close[1:], variance[:-1], 1)
    asked = [question.statistic is not None for question in judgement.questions]
    assert asked == [False, True, True, False]
    assert judgement.verdict == "worse than persistence"
    assert judgement.interval is None
    tiny = judge(close[:-1], close[:-1] * (1 + 1e-9), close[1:], np.full(1_999, 5e-324), 1)
    assert tiny.questions[2].statistic is None


def test_losses_that_do_not_vary_cannot_be_judged() -> None:
    last = np.full(500, 100.0)
    judgement = judge(last + 1, last, last + 2, np.ones(500), 1)
    assert judgement.verdict == "cannot be judged"
    assert judgement.reason == "its losses do not vary, or are too large to compare"


def test_a_last_close_that_is_not_finite_is_left_out() -> None:
    close, _, variance = market(1_000, 0.0, 1)
    last, actual = close[:-1].copy(), close[1:]
    forecast = last + 0.5 * (actual - last)
    last[4] = np.nan
    kept = np.arange(999) != 4
    assert judge(forecast, last, actual, variance[:-1], 1) == judge(
        forecast[kept], last[kept], actual[kept], variance[:-1][kept], 1
    )


def market_with_ticks(r2: float, rows: int, tick: float, seed: int) -> tuple[Floats, ...]:
    """Last close, next close, the best forecast and the variance, prices rounded to a tick."""
    market = simulate(rows=rows, r2=r2, seed=seed)
    close = np.round(market.candles.frame["close"].to_numpy() / tick) * tick
    best = close[:-1] * np.exp(market.expected_return[:-1])
    return close[:-1], close[1:], best, market.volatility[:-1] ** 2


def test_a_few_wild_errors_do_not_hide_behind_the_variance_that_they_bring() -> None:
    last, actual, best, variance = market_with_ticks(0.02, 20_000, 1e-6, 3)
    assert judge(best, last, actual, variance, 1).verdict == "beats persistence"
    for wild in (2.0, 1000.0, -1.0):
        spoilt = best.copy()
        spoilt[1000] = wild * last[1000]
        judgement = judge(spoilt, last, actual, variance, 1)
        assert judgement.verdict == "no evidence of skill", wild
        assert "yet its squared errors are" in judgement.reason


def test_direction_alone_is_no_skill_where_every_error_is_larger() -> None:
    last, actual, best, variance = market_with_ticks(0.001, 40_000, 1e-6, 5)
    overdone = last * (best / last) ** 2.2  # the right side, too far
    judgement = judge(overdone, last, actual, variance, 1)
    direction = judgement.questions[-1]
    assert direction.adjusted is not None
    assert direction.adjusted < LEVEL
    assert judgement.verdict != "beats persistence"


@pytest.mark.parametrize(("tick", "r2"), [(5.0, 0.01), (20.0, 0.02)])
def test_skill_is_found_where_many_candles_do_not_move(tick: float, r2: float) -> None:
    last, actual, best, variance = market_with_ticks(r2, 20_000, tick, 7)
    assert np.mean(actual == last) > 0.05
    assert judge(best, last, actual, variance, 1).verdict == "beats persistence"


def test_noise_is_not_worse_for_moving_where_many_candles_do_not() -> None:
    last, actual, _, variance = market_with_ticks(0.0, 20_000, 10.0, 9)
    noise = last * (1 + 1e-9 * np.random.default_rng(0).standard_normal(len(last)))
    assert np.mean(actual == last) > 0.1
    assert judge(noise, last, actual, variance, 1).verdict == "no evidence of skill"


def test_a_direction_told_worse_than_chance_is_said_so() -> None:
    last, actual, _, variance = market_with_ticks(0.0, 20_000, 1e-6, 11)
    rng = np.random.default_rng(1)
    right = rng.permutation(len(last)) < 0.45 * len(last)
    # Wrong more often than right, and a little further on the right side: the errors are alike.
    step = np.sign(actual - last) * np.where(right, 11e-7, -9e-7)
    judgement = judge(last * (1 + step), last, actual, variance, 1)
    assert judgement.verdict == "no evidence of skill"
    assert judgement.reason == "it tells direction worse than chance"
