"""The baselines learn what is there, agree with others' figures, and say when they cannot."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from arch import arch_model

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import CandlecastError
from candlecast.forecast import Forecast
from candlecast.models.baselines import BASELINES
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.models.baselines.returns import Returns
from candlecast.recipe import BaselineName, Recipe, SplitSettings
from candlecast.runs.chosen_candles import bounded
from candlecast.simulate import simulate
from candlecast.sources import read
from candlecast.splits import Split, split_rows

HORIZONS = (1, 15, 60)


@pytest.fixture(scope="module")
def market() -> Candles:
    return simulate(rows=20_000, r2=0.04, seed=3).candles


@pytest.fixture(scope="module")
def split(market: Candles) -> Split:
    return split_rows(len(market), SplitSettings(train=0.6, validation=0.2))


def fitted(rule: BaselineName, candles: Candles, split: Split) -> Baseline:
    return Baseline(BaselineSettings(rule=rule, horizons=HORIZONS)).fit(candles, split)


def forecast_of(model: Baseline, candles: Candles, split: Split) -> Forecast:
    return model.forecast(candles, model.origins(candles, split.test, known=True))


def crps_bp(forecast: Forecast) -> Floats:
    assert forecast.distribution is not None
    return np.asarray(forecast.distribution.crps(forecast.actual_return).mean(axis=0) * 1e4)


def log_score(forecast: Forecast) -> Floats:
    assert forecast.distribution is not None
    density = forecast.distribution.log_density(forecast.actual_return)
    return np.asarray(density.mean(axis=0) - math.log(1e4))


@pytest.fixture(scope="module")
def article(article_file: Path) -> Candles:
    return bounded(read(article_file), Recipe.load("article"))


@pytest.mark.parametrize(
    ("rule", "crps", "score", "coverage"),
    [
        ("garch_t", 4.811, -3.502, (0.530, 0.827, 0.958)),
        ("ewma_t", 4.826, -3.508, None),
        ("persistence", 5.132, -3.659, None),
    ],
)
def test_the_figures_on_the_article_s_test_rows_are_those_of_an_independent_fit(
    article: Candles,
    rule: BaselineName,
    crps: float,
    score: float,
    coverage: tuple[float, ...] | None,
) -> None:
    split = split_rows(len(article), Recipe.load("article").split)
    model = Baseline(BaselineSettings(rule=rule, horizons=(1,))).fit(article, split)
    forecast = forecast_of(model, article, split)
    assert crps_bp(forecast)[0] == pytest.approx(crps, rel=0.01)
    assert log_score(forecast)[0] == pytest.approx(score, rel=0.01)
    if coverage is not None:
        assert forecast.distribution is not None
        pit = forecast.distribution.cdf(forecast.actual_return)
        inside = [np.mean(np.abs(pit - 0.5) <= level / 2) for level in (0.5, 0.8, 0.95)]
        assert inside == pytest.approx(coverage, rel=0.01)


def test_every_baseline_covers_what_its_levels_say_at_every_horizon(
    market: Candles, split: Split
) -> None:
    for rule in BASELINES:
        model = fitted(rule, market, split)
        origins = model.origins(market, split.before_test, known=True)
        forecast = model.forecast(market, origins)
        assert forecast.distribution is not None
        pit = forecast.distribution.cdf(forecast.actual_return)
        for level in (0.5, 0.8, 0.95):
            inside = np.mean(np.abs(pit - 0.5) <= level / 2, axis=0)
            # 60 ahead, the train rows hold but some 260 spans that do not overlap.
            np.testing.assert_allclose(inside, level, atol=0.04, err_msg=rule)


def test_volatility_models_beat_a_constant_spread_on_the_whole_distribution(
    market: Candles, split: Split
) -> None:
    constant = forecast_of(fitted("persistence", market, split), market, split)
    for rule in ("ewma_t", "garch_t", "har"):
        model = forecast_of(fitted(rule, market, split), market, split)
        assert (crps_bp(model) < crps_bp(constant)).all(), rule
        assert (log_score(model) > log_score(constant)).all(), rule


def test_the_variance_is_that_of_the_returns_in_the_mean(market: Candles, split: Split) -> None:
    for rule in BASELINES:
        model = fitted(rule, market, split)
        forecast = model.forecast(market, model.origins(market, split.before_test, known=True))
        assert forecast.variance is not None
        error = forecast.actual_return - forecast.mean_return
        ratio = np.mean(error**2 / forecast.variance, axis=0)
        np.testing.assert_allclose(ratio, 1.0, atol=0.12, err_msg=rule)


def test_ar_finds_the_planted_bounce_and_sums_it_over_the_horizon(
    market: Candles, split: Split
) -> None:
    model = fitted("ar", market, split)
    coefficients = model.learned_["coefficients"]
    assert coefficients[1] == pytest.approx(-0.2, abs=0.03)  # √R² of 4 %
    origin = 15_000
    forecast = model.forecast(market, np.array([origin]))
    lags = Returns.of(market, across_gaps=False).values[origin - 9 : origin + 1][::-1].tolist()
    total, order = 0.0, len(coefficients) - 1
    for step in range(1, 61):
        following = coefficients[0] + np.dot(coefficients[1:], lags[:order])
        lags.insert(0, float(following))
        total += following
        if step in HORIZONS:
            assert forecast.mean_return[0, HORIZONS.index(step)] == pytest.approx(total, abs=1e-9)


def test_ar_s_coefficients_are_those_of_statsmodels(market: Candles, split: Split) -> None:
    ours = fitted("ar", market, split).learned_["coefficients"]
    values = Returns.of(market, across_gaps=False).values[: split.before_test.stop]
    inputs = np.stack([values[10 - lag : -lag] for lag in range(1, len(ours))], axis=1)
    theirs = sm.OLS(values[10:], sm.add_constant(inputs)).fit().params
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_garch_s_variance_is_that_of_arch(market: Candles, split: Split) -> None:
    model = fitted("garch_t", market, split)
    values = Returns.of(market, across_gaps=False).within(split.before_test) * 1e4
    theirs = arch_model(values, mean="AR", lags=1, p=1, q=1, dist="t", rescale=False)
    found = theirs.fit(disp="off")
    ahead = found.forecast(horizon=15, reindex=False)
    last = np.array([split.before_test.stop - 1])
    forecast = model.forecast(market, last)
    assert forecast.variance is not None
    # The fitted spread multiplies the rule's variance; theirs is the rule's.
    ours = forecast.variance[0, 0] / model.spread_[2, 0] * 1e8
    assert ours == pytest.approx(ahead.variance.iloc[-1, 0], rel=0.01)
    assert forecast.mean_return[0, 0] * 1e4 == pytest.approx(ahead.mean.iloc[-1, 0], abs=0.01)
    assert forecast.mean_return[0, 1] * 1e4 == pytest.approx(ahead.mean.iloc[-1].sum(), abs=0.01)


def test_garch_s_variance_over_a_horizon_is_that_of_simulated_paths(
    market: Candles, split: Split
) -> None:
    model = fitted("garch_t", market, split)
    (constant, slope), (omega, alpha, beta) = model.learned_["mean"], model.learned_["variance"]
    rng = np.random.default_rng(0)
    moments = BASELINES["garch_t"].moments(
        model.learned_, Returns.of(market, across_gaps=False), (1, 15)
    )
    origin, paths = 12_345, 40_000
    last = Returns.of(market, across_gaps=False).values[origin]
    variance = np.full(paths, moments.variance[origin, 0])
    value, total = np.full(paths, last), np.zeros(paths)
    for _ in range(15):
        shock = np.sqrt(variance) * rng.standard_normal(paths)
        value = constant + slope * value + shock
        variance = omega + alpha * shock**2 + beta * variance
        total += value
    assert total.var() == pytest.approx(moments.variance[origin, 1], rel=0.03)
    assert total.mean() == pytest.approx(
        moments.location[origin, 1], abs=4 * total.std() / math.sqrt(paths)
    )


def test_ewma_forgets_at_its_rate_and_starts_anew_after_a_gap(gappy_candles: Candles) -> None:
    returns = Returns.of(gappy_candles, across_gaps=False)
    learned = {"mean_square": np.array([4e-6])}
    variance = BASELINES["ewma_t"].moments(learned, returns, (1, 4)).variance
    state = 4e-6
    for row in range(320):
        first = row in (0, 300)  # of a segment: there is no return
        state = 4e-6 if first else 0.97 * state + 0.03 * returns.values[row] ** 2
        assert variance[row] == pytest.approx([state, 4 * state])


def test_seasonal_naive_repeats_the_day_before_and_says_no_change_without_one(
    market: Candles, split: Split
) -> None:
    forecast = fitted("seasonal_naive", market, split).forecast(market, np.array([1000, 5000]))
    close = np.log(market.frame["close"].to_numpy())
    assert (forecast.mean_return[0] == 0).all()
    expected = [close[5000 - 1440 + h] - close[5000 - 1440] for h in HORIZONS]
    assert forecast.mean_return[1] == pytest.approx(expected, abs=1e-12)


def test_drift_is_the_mean_return_times_the_horizon(market: Candles, split: Split) -> None:
    forecast = fitted("drift", market, split).forecast(market, np.array([100]))
    close = np.log(market.frame["close"].to_numpy()[: split.before_test.stop])
    drift = (close[-1] - close[0]) / (len(close) - 1)
    assert forecast.mean_return[0] == pytest.approx([h * drift for h in HORIZONS])


def test_har_s_weights_are_not_negative_and_its_variance_grows_with_the_horizon(
    market: Candles, split: Split
) -> None:
    model = fitted("har", market, split)
    assert (model.learned_["weights"] >= 0).all()
    variance = forecast_of(model, market, split).variance
    assert variance is not None
    assert (np.diff(variance, axis=1) > 0).all()


def test_the_jump_over_a_gap_is_no_return_unless_it_is_asked_for(gappy_candles: Candles) -> None:
    close = np.log(gappy_candles.frame["close"].to_numpy())
    within = Returns.of(gappy_candles, across_gaps=False)
    assert within.values[[0, 300, 600]].tolist() == [0, 0, 0]
    assert len(within.within(range(290, 310))) == 19
    across = Returns.of(gappy_candles, across_gaps=True)
    assert across.values[300] == pytest.approx(close[300] - close[299])


def test_a_fit_that_cannot_be_made_is_refused_in_words(candles: Candles) -> None:
    few = Candles(candles.frame[:300], candles.symbol, candles.interval)
    split = split_rows(300, SplitSettings(train=0.6, validation=0.2))
    with pytest.raises(CandlecastError, match="hold 3 spans of 60 candles; a spread takes 10"):
        fitted("persistence", few, split)
    short = Baseline(BaselineSettings(rule="garch_t", horizons=(1,)))
    with pytest.raises(CandlecastError, match="garch_t needs 500 returns that vary; there are 239"):
        short.fit(few, split)
    flat = Candles(
        candles.frame.with_columns(pl.lit(5.0).alias("close")), candles.symbol, candles.interval
    )
    split = split_rows(900, SplitSettings(train=0.6, validation=0.2))
    for rule in ("ar", "garch_t", "har"):
        with pytest.raises(CandlecastError, match="vary"):
            fitted(rule, flat, split)
