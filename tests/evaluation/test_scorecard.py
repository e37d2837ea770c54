"""The scorecard puts persistence beside every score and invents none."""

from __future__ import annotations

import numpy as np
import pytest

from candlecast.candles import Candles
from candlecast.errors import CandlecastError
from candlecast.evaluation.scorecard import Scorecard, score_forecasts
from candlecast.evaluation.significance import diebold_mariano
from candlecast.features import TargetName
from candlecast.forecast import Floats, Forecast
from candlecast.models.persistence import Persistence, PersistenceSettings
from candlecast.recipe import SplitSettings
from candlecast.splits import split_rows

ORIGINS = np.arange(100, 800)
CONTRACT = [
    "n",
    "mse_scaled",
    "rmse",
    "mae",
    "rmse_bp",
    "mae_bp",
    "crps_bp",
    "log_score",
    "skill",
    "dm",
    "p_value",
    "directional_accuracy",
    "coverage_50",
    "coverage_80",
    "coverage_95",
]


def scored(
    candles: Candles, mean: Floats, target: TargetName = "close", notes: tuple[str, ...] = ()
) -> Scorecard:
    """A model's prices beside persistence's, one candle ahead; the target's scale is 0.5."""
    close = candles.frame["close"].to_numpy()[ORIGINS][:, None]
    forecasts = [
        Forecast.at(candles, ORIGINS, (1,), "model", mean),
        Forecast.at(candles, ORIGINS, (1,), "persistence", close),
    ]
    return score_forecasts(forecasts, target, 0.5, notes)


def closes(candles: Candles) -> tuple[Floats, Floats]:
    """The last close at each origin, and the next."""
    close = candles.frame["close"].to_numpy()
    return close[ORIGINS][:, None], close[ORIGINS + 1][:, None]


def test_the_figures_are_those_of_the_contract_persistence_first(candles: Candles) -> None:
    last, following = closes(candles)
    card = scored(candles, last + 0.9 * (following - last))
    assert list(card.scores) == ["persistence", "model"]
    persistence, model = (card.scores[name]["1"] for name in ("persistence", "model"))
    assert list(model) == list(persistence) == CONTRACT
    error = following - last
    assert persistence["n"] == 700
    assert persistence["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert persistence["mse_scaled"] == pytest.approx(np.mean(error**2) / 4)
    assert persistence["rmse_bp"] == pytest.approx(
        1e4 * np.sqrt(np.mean(np.log(following / last) ** 2))
    )
    assert (persistence["skill"], persistence["directional_accuracy"]) == (0.0, None)
    assert model["skill"] == pytest.approx(1 - 0.1**2)
    assert model["directional_accuracy"] == 1.0
    assert model["mae"] == pytest.approx(0.1 * np.mean(np.abs(error)))
    assert {name for name, value in model.items() if value is None} == {
        "crps_bp",
        "log_score",
        "coverage_50",
        "coverage_80",
        "coverage_95",
    }


def test_the_scaled_error_of_a_return_model_is_that_of_the_return(candles: Candles) -> None:
    last, following = closes(candles)
    persistence = scored(candles, last, "log_return").scores["persistence"]["1"]
    assert persistence["mse_scaled"] == pytest.approx(np.mean(np.log(following / last) ** 2) / 4)


def test_the_verdict_says_who_errs_more_and_whether_that_is_more_than_luck(
    candles: Candles,
) -> None:
    last, following = closes(candles)
    move = following - last
    (better,) = scored(candles, last + 0.1 * move).verdicts
    assert "model, 1 ahead: beats persistence (p < 1e-6)" in better
    assert "10.00% less" in better
    (worse,) = scored(candles, last - 2 * move).verdicts
    assert "worse than persistence (p < 1e-6)" in worse
    assert ", 3 times as much" in worse
    noise = np.random.default_rng(0).normal(scale=0.05 * np.std(move), size=move.shape)
    (lucky,) = scored(candles, last + noise).verdicts
    assert "no evidence of skill (p = 0." in lucky
    (same,) = scored(candles, last).verdicts
    assert "no evidence of skill (nothing here that a test could be made on)" in same


def test_the_figures_of_the_test_are_those_of_the_squared_errors(candles: Candles) -> None:
    last, following = closes(candles)
    mean = last + 0.1 * (following - last)
    card = scored(candles, mean)
    test = diebold_mariano((mean - following).ravel() ** 2, (last - following).ravel() ** 2, 1)
    assert test is not None
    model = card.scores["model"]["1"]
    assert (model["dm"], model["p_value"]) == (test.statistic, test.p_value)
    persistence = card.scores["persistence"]["1"]
    assert (persistence["dm"], persistence["p_value"]) == (None, None)


def test_coverage_is_that_of_the_intervals_and_null_for_a_forecast_of_points(
    candles: Candles,
) -> None:
    split = split_rows(len(candles), SplitSettings(train=0.9, validation="test"))
    model = Persistence(PersistenceSettings(horizons=(1,))).fit(candles, split)
    train = np.arange(len(split.train) - 1)
    scores = score_forecasts([model.forecast(candles, train)], "close", 1.0).scores["persistence"]
    # The quantiles are those of these very rows, so they cover what their levels say.
    for name, share in {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_95": 0.95}.items():
        assert scores["1"][name] == pytest.approx(share, abs=0.003)
    last, _ = closes(candles)
    assert scored(candles, last).scores["model"]["1"]["coverage_80"] is None


def test_notes_are_kept_in_order(candles: Candles) -> None:
    last, _ = closes(candles)
    assert scored(candles, last, notes=("first", "second")).notes == ("first", "second")


def test_a_price_below_zero_has_no_return_and_gets_no_figure(candles: Candles) -> None:
    last, _ = closes(candles)
    mean = last.copy()
    mean[5] = -1.0
    model = scored(candles, mean).scores["model"]["1"]
    assert model["rmse_bp"] is None
    assert model["mae_bp"] is None
    assert model["rmse"] is not None


def test_a_forecast_that_is_not_finite_is_an_error(candles: Candles) -> None:
    last, _ = closes(candles)
    mean = last.copy()
    mean[5] = np.nan
    with pytest.raises(CandlecastError, match="model forecast 1 values that are not finite"):
        scored(candles, mean)
