"""The scorecard puts persistence beside every score, invents none, and survives what is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from candlecast.candles import Candles
from candlecast.conformal import calibrate
from candlecast.distributions import Floats, StudentT
from candlecast.errors import CandlecastError
from candlecast.evaluation.figures import FIGURES
from candlecast.evaluation.scorecard import Scorecard, score_cells, score_forecasts
from candlecast.evaluation.significance import diebold_mariano
from candlecast.features import TargetName
from candlecast.forecast import Forecast
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.recipe import SplitSettings
from candlecast.simulate import simulate
from candlecast.splits import split_rows

ORIGINS = np.arange(100, 800)
CONTRACT = {
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
}
OF_AN_INTERVAL = ("coverage", "width", "interval_score", "worst_week", "calibrated")
OF_A_SPREAD = {name for name in FIGURES if name.startswith(OF_AN_INTERVAL)} | {
    "crps_bp",
    "log_score",
    "pinball_bp",
    "qlike",
    "volatility_r2",
}


def scored(candles: Candles, mean: Floats, target: TargetName = "close", **more: Any) -> Scorecard:
    """A model's prices beside persistence's, one candle ahead; the target's scale is 0.5."""
    close = candles.frame["close"].to_numpy()[ORIGINS][:, None]
    forecasts = [
        Forecast.at(candles, ORIGINS, (1,), "model", mean),
        Forecast.at(candles, ORIGINS, (1,), "persistence", close),
    ]
    return score_forecasts(forecasts, target, 0.5, subject="model", **more)


def closes(candles: Candles) -> tuple[Floats, Floats]:
    """The last close at each origin, and the next."""
    close = candles.frame["close"].to_numpy()
    return close[ORIGINS][:, None], close[ORIGINS + 1][:, None]


def test_the_figures_are_those_of_the_contract_persistence_first(candles: Candles) -> None:
    last, following = closes(candles)
    card = scored(candles, last + 0.9 * (following - last), naive_mae=2.0)
    assert list(card.scores) == ["persistence", "model"]
    persistence, model = (card.scores[name]["1"] for name in ("persistence", "model"))
    assert set(FIGURES) > CONTRACT
    assert list(model) == list(persistence) == list(FIGURES)
    error = following - last
    assert persistence["n"] == 700
    assert persistence["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert persistence["mse_scaled"] == pytest.approx(np.mean(error**2) / 4)
    assert persistence["rmse_bp"] == pytest.approx(
        1e4 * np.sqrt(np.mean(np.log(following / last) ** 2))
    )
    assert (persistence["skill"], persistence["r2"]) == (0.0, 0.0)
    assert persistence["directional_accuracy"] is None
    assert model["skill"] == pytest.approx(1 - 0.1**2)
    assert model["r2"] == pytest.approx(1 - 0.1**2, abs=1e-4)
    assert model["directional_accuracy"] == 1.0
    assert model["information_coefficient"] == pytest.approx(1.0)
    assert model["mae"] == pytest.approx(0.1 * np.mean(np.abs(error)))
    assert model["mase"] == pytest.approx(0.1 * np.mean(np.abs(error)) / 2)
    assert {name for name, value in model.items() if value is None} == OF_A_SPREAD


def test_the_scaled_error_of_a_return_model_is_that_of_the_return(candles: Candles) -> None:
    last, following = closes(candles)
    persistence = scored(candles, last, "log_return").scores["persistence"]["1"]
    assert persistence["mse_scaled"] == pytest.approx(np.mean(np.log(following / last) ** 2) / 4)


def test_the_verdict_says_who_errs_more_and_whether_that_is_more_than_luck(
    candles: Candles,
) -> None:
    last, following = closes(candles)
    move = following - last
    better = scored(candles, last + 0.1 * move).verdicts[0]
    assert "model, 1 ahead: beats persistence (p < 1e-6): better in squared error" in better
    assert "10.00% less" in better
    assert "with 95 % confidence" in better
    worse = scored(candles, last - 2 * move).verdicts[0]
    assert "worse than persistence (p < 1e-6)" in worse
    assert ", 3 times as much" in worse
    noise = np.random.default_rng(0).normal(scale=0.05 * np.std(move), size=move.shape)
    assert (
        "no evidence of skill: nothing sets it apart" in scored(candles, last + noise).verdicts[0]
    )
    assert "no evidence of skill: it forecasts no change" in scored(candles, last).verdicts[0]


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


@pytest.fixture(scope="module")
def forecasts() -> list[Forecast]:
    """Persistence, EWMA-t and the AR on a market with something to find."""
    candles = simulate(rows=12_000, r2=0.03, seed=5).candles
    split = split_rows(len(candles), SplitSettings(train=0.4, validation=0.1))
    models = [
        Baseline(BaselineSettings(rule=rule, horizons=(1, 5))).fit(candles, split)
        for rule in ("persistence", "ar", "ewma_t")
    ]
    origins = models[0].origins(candles, split.test, known=True)
    return [model.forecast(candles, origins) for model in models]


@pytest.fixture(scope="module")
def card(forecasts: list[Forecast]) -> Scorecard:
    return score_forecasts(forecasts, "log_return", None)


def test_scores_of_the_distribution_are_those_of_each_forecast(
    forecasts: list[Forecast], card: Scorecard
) -> None:
    ewma = forecasts[2]
    assert ewma.distribution is not None
    assert ewma.quantiles is not None
    scores = card.scores["ewma_t"]["5"]
    crps = ewma.distribution.crps(ewma.actual_return)[:, 1]
    assert scores["crps_bp"] == pytest.approx(1e4 * crps.mean())
    low, high = ewma.quantiles[:, 1, 1], ewma.quantiles[:, 1, 5]
    inside = (low <= ewma.actual[:, 1]) & (ewma.actual[:, 1] <= high)
    assert scores["coverage_80"] == pytest.approx(inside.mean())
    assert scores["width_80_bp"] == pytest.approx(1e4 * np.log(high / low).mean())
    assert scores["mse_scaled"] is None, "without a scale"


def test_calibrated_bands_are_scored_beside_the_model_s_own(
    forecasts: list[Forecast], card: Scorecard
) -> None:
    calibrated = [calibrate(forecast)[0] for forecast in forecasts]
    scored = score_forecasts(calibrated, "log_return", None)
    bands, actual = calibrated[2].bands, calibrated[2].actual[:, 1]
    assert bands is not None
    low, high = bands[:, 1, 1], bands[:, 1, 4]
    figures = scored.scores["ewma_t"]["5"]
    inside = (low <= actual) & (actual <= high)
    assert figures["calibrated_coverage_80"] == pytest.approx(inside.mean())
    assert figures["calibrated_width_80_bp"] == pytest.approx(1e4 * np.log(high / low).mean())
    assert figures["calibrated_worst_week_80"] is None, "there is no whole week"
    for name, value in card.scores["ewma_t"]["5"].items():
        assert value == figures[name] or name.startswith("calibrated"), name
        assert value is None or not name.startswith("calibrated"), name


def test_the_planted_skill_is_found_and_the_volatility_models_win_on_the_distribution(
    card: Scorecard,
) -> None:
    assert card.judgements["ar"]["1"]["verdict"] == "beats persistence"
    assert card.judgements["ar"]["1"]["shifted_copy"] is None, "skill is no illusion"
    assert card.judgements["persistence"]["1"]["shifted_copy"]["lag"] == 1
    assert [q["name"] for q in card.judgements["ar"]["1"]["questions"]] == [
        "squared error",
        "absolute error",
        "scaled squared error",
        "direction",
    ]
    assert all(q["adjusted"] is not None for q in card.judgements["ar"]["1"]["questions"])
    first = card.comparisons["1"]
    assert first["spa_p_value"] < 0.05
    assert "ewma_t" in first["confidence_set"]["crps"]
    assert "persistence" not in first["confidence_set"]["crps"]
    pair = first["crps"]["ewma_t"]["persistence"]
    assert pair["dm"] > 3
    assert first["crps"]["persistence"]["ewma_t"]["dm"] == -pair["dm"]
    assert any("beats persistence: ar" in verdict for verdict in card.verdicts)
    assert any("is not shown to add to it: persistence" in verdict for verdict in card.verdicts)
    assert any("Of the 2 tried, at least one errs less" in each for each in card.verdicts)
    assert any("ewma_t has the smallest CRPS" in verdict for verdict in card.verdicts)


def test_the_pit_of_a_good_spread_is_flat(card: Scorecard) -> None:
    shares = card.pit["ewma_t"]["1"]
    assert len(shares) == 20
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert max(shares) < 0.08


def test_a_scorecard_comes_back_whole_from_json(card: Scorecard) -> None:
    again = Scorecard.from_metrics(json.loads(json.dumps(card.to_metrics())))
    assert again == card
    broken = card.to_metrics()
    broken["scores"] = {"persistence": {"1": {"n": 1}}}
    with pytest.raises(KeyError):
        Scorecard.from_metrics(broken)


def test_the_figures_alone_are_those_of_the_scorecard(
    forecasts: list[Forecast], card: Scorecard
) -> None:
    assert score_cells(forecasts) == card.scores
    assert score_cells([]) == {}


def test_one_broken_cell_does_not_sink_the_others(forecasts: list[Forecast]) -> None:
    mean = forecasts[1].mean.copy()
    mean[5, 0] = np.nan
    broken = replace(forecasts[1], mean=mean)
    card = score_forecasts([forecasts[0], broken, forecasts[2]], "log_return", None)
    assert card.scores["ar"]["1"]["rmse"] is None
    judgement = card.judgements["ar"]["1"]
    assert judgement["verdict"] == "cannot be judged"
    assert "1 of 5,995 forecasts are not finite" in judgement["reason"]
    assert card.scores["ar"]["5"]["rmse"] is not None
    assert card.scores["ewma_t"]["1"]["crps_bp"] is not None
    assert any("ar, 1 ahead, cannot be judged: 1 of 5,995" in said for said in card.verdicts)


def test_a_subject_that_is_not_finite_is_left_out_of_the_contest_in_words(
    forecasts: list[Forecast],
) -> None:
    mean = forecasts[1].mean.copy()
    mean[5, 0] = np.nan  # its distribution is whole
    broken = [forecasts[0], replace(forecasts[1], mean=mean), forecasts[2]]
    card = score_forecasts(broken, "log_return", None, subject="ar")
    assert "ar, 1 ahead: cannot be judged" in card.verdicts[0]
    assert card.comparisons["1"]["left_out"] == ["ar"]


def test_a_model_that_failed_has_an_empty_row_and_a_reason(forecasts: list[Forecast]) -> None:
    failures = {"garch_t": "the fit did not converge"}
    card = score_forecasts(forecasts, "log_return", None, failures=failures)
    assert set(card.scores["garch_t"]["1"].values()) == {None}
    assert any("garch_t, 1 ahead, cannot be judged: the fit" in said for said in card.verdicts)


def test_a_model_that_lacks_origins_is_scored_beside_persistence_on_its_own(
    forecasts: list[Forecast],
) -> None:
    half = forecasts[1].take(np.arange(3000, len(forecasts[1])))
    card = score_forecasts([forecasts[0], half, forecasts[2]], "log_return", None)
    alone = score_forecasts(
        [each.take(np.arange(3000, len(each))) for each in forecasts], "log_return", None
    )
    assert card.scores["ar"] == alone.scores["ar"]
    assert card.comparisons["1"]["n"] == len(forecasts[0])
    assert card.comparisons["1"]["left_out"] == ["ar"], "not ranked with those of more rows"
    said = score_forecasts([forecasts[0], half], "log_return", None, subject="ar").verdicts[0]
    same = alone.scores["persistence"]["1"]["rmse"]
    assert "scored on 2,995 of 5,995 windows" in said
    assert f'"no change" errs by {same:,.5g}' in said
    assert card.judgements["ar"]["1"] == alone.judgements["ar"]["1"]


def test_too_few_rows_are_said_to_be_too_few_in_place_of_a_p_value(
    forecasts: list[Forecast],
) -> None:
    for handful in (1, 2, 5):
        score_forecasts([each.take(np.arange(handful)) for each in forecasts], "log_return", None)
    few = [each.take(np.arange(60)) for each in forecasts]
    card = score_forecasts(few, "log_return", None, subject="ar")
    judgement = card.judgements["ar"]["1"]
    assert (judgement["verdict"], judgement["p_value"]) == ("cannot be judged", None)
    assert "60 outcomes are known and 100 are needed" in card.verdicts[0]
    assert card.comparisons["1"]["spa_p_value"] is None
    assert card.scores["ar"]["1"]["p_value"] is None


def test_horizons_without_an_outcome_and_no_rows_at_all_are_said(
    forecasts: list[Forecast],
) -> None:
    unknown = [replace(each, actual=np.full_like(each.actual, np.nan)) for each in forecasts]
    for given in (unknown, [each.take(np.arange(0)) for each in forecasts]):
        card = score_forecasts(given, "log_return", None)
        assert card.scores["ar"]["1"]["n"] == 0
        assert card.scores["persistence"]["1"]["rmse"] is None
        assert card.judgements["ar"]["5"]["reason"] == "no outcome is known at this horizon"


def test_a_flat_market_gives_no_p_value_and_no_error(forecasts: list[Forecast]) -> None:
    flat = [
        replace(
            each,
            last_close=np.full(len(each), 5.0),
            mean=np.full_like(each.mean, 5.0),
            actual=np.full_like(each.actual, 5.0),
            realised_variance=np.zeros_like(each.actual),
            distribution=StudentT(
                np.zeros_like(each.mean), np.full_like(each.mean, 1e-9), np.array([[9.0, 9.0]])
            ),
        )
        for each in forecasts
    ]
    card = score_forecasts(flat, "log_return", None)
    assert card.scores["ar"]["1"]["rmse"] == 0
    assert card.scores["ar"]["1"]["skill"] is None
    assert card.judgements["ar"]["1"]["p_value"] is None


def test_a_price_below_zero_has_no_return_and_gets_no_figure(candles: Candles) -> None:
    last, _ = closes(candles)
    mean = last.copy()
    mean[5] = -1.0
    model = scored(candles, mean).scores["model"]["1"]
    assert model["rmse_bp"] is None
    assert model["mae_bp"] is None
    assert model["rmse"] is not None


def test_notes_are_kept_in_order(candles: Candles) -> None:
    last, _ = closes(candles)
    assert scored(candles, last, notes=("first", "second")).notes == ("first", "second")


def test_without_persistence_there_is_no_scorecard(forecasts: list[Forecast]) -> None:
    with pytest.raises(CandlecastError, match="persistence is not among the forecasts"):
        score_forecasts(forecasts[1:], "log_return", None)


def test_forecasts_that_do_not_belong_together_are_refused(forecasts: list[Forecast]) -> None:
    persistence, ar, _ = forecasts
    shuffled = ar.take(np.r_[5:50, 0:5])
    doubled = ar.take(np.r_[0:5, 0:5])
    for broken in (shuffled, doubled):
        with pytest.raises(CandlecastError, match="the origins of ar do not rise"):
            score_forecasts([persistence, broken], "log_return", None)
    stale = replace(ar, last_close=ar.last_close * 1.01)
    with pytest.raises(CandlecastError, match="ar has another last_close than persistence"):
        score_forecasts([persistence, stale], "log_return", None)
    other = replace(ar, horizons=(1, 6))
    with pytest.raises(CandlecastError, match="ar has the horizons"):
        score_forecasts([persistence, other], "log_return", None)


def test_forecasts_of_other_origins_than_persistence_s_are_said_to_have_no_outcome(
    forecasts: list[Forecast],
) -> None:
    early, late = forecasts[0].take(np.arange(500)), forecasts[1].take(np.arange(600, 1200))
    card = score_forecasts([early, late], "log_return", None)
    assert card.scores["ar"]["1"]["n"] == 0
    assert card.judgements["ar"]["1"]["verdict"] == "cannot be judged"
