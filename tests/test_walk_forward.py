"""A walk-forward refits in each fold, keeps what is done, and pools what was said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import candlecast
from candlecast.candles import Candles
from candlecast.conformal import calibrate
from candlecast.errors import CandlecastError, InputError
from candlecast.forecast import Forecast
from candlecast.models.baselines import garch_t
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.baselines.returns import Returns
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.recipe import Recipe
from candlecast.splits import Split
from small import small_default

FOLDS = [
    "walkforward.first_train=25h",
    "walkforward.refit=400",
    "walkforward.validation=0.2",
]


@pytest.fixture(scope="module")
def market() -> Candles:
    return candlecast.simulate(rows=2600, r2=0.04, seed=8).candles


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe.load("econometric", ["horizons=[1, 5]", *FOLDS])


@pytest.fixture(scope="module")
def walked(
    recipe: Recipe, market: Candles, tmp_path_factory: pytest.TempPathFactory
) -> candlecast.Run:
    folder = tmp_path_factory.mktemp("walk") / "out"
    return candlecast.walkforward(recipe, market, folder, progress=False)


def network_recipe(*overrides: str) -> Recipe:
    return small_default(
        "horizons=[1]",
        "training.max_epochs=1",
        "walkforward.window=expanding",
        "baselines=[persistence]",
        *FOLDS,
        *overrides,
    )


def test_it_leaves_the_files_of_a_run(walked: candlecast.Run) -> None:
    names = sorted(path.name for path in walked.folder.iterdir())
    assert names == [
        "figures",
        "forecasts.parquet",
        "metrics.json",
        "model",
        "recipe.yaml",
        "report.html",
    ]
    assert candlecast.Run.load(walked.folder).metrics == walked.metrics
    assert walked.metrics["model"]["name"] == "har"
    page = (walked.folder / "report.html").read_text(encoding="utf-8")
    assert "fold" in page.lower()


def test_every_tested_candle_is_forecast_once_by_every_model(
    walked: candlecast.Run, market: Candles
) -> None:
    forecasts = walked.forecasts.filter(model="persistence", horizon=1)
    expected = list(range(1500, 2595))  # the last 5 have no target 5 ahead yet
    times = market.frame["time"][expected]
    assert forecasts.sort("origin")["origin"].to_list() == times.to_list()
    assert forecasts["origin"].is_sorted()
    assert walked.metrics["split"]["test_windows"] == len(expected)
    assert walked.metrics["split"]["folds"] == len(walked.metrics["folds"]) == 3
    counts = walked.forecasts.group_by("model").len()["len"].unique()
    assert counts.to_list() == [2 * len(expected)]


def test_the_pooled_scores_are_those_of_all_forecasts_together(walked: candlecast.Run) -> None:
    for model in ("persistence", "garch_t"):
        rows = walked.forecasts.filter(model=model, horizon=5)
        error = (rows["mean"] - rows["actual"]).to_numpy()
        scores = walked.metrics["scores"][model]["5"]
        assert scores["n"] == rows.height
        assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
        inside = rows.select(pl.col("actual").is_between("q10", "q90").mean()).item()
        assert scores["coverage_80"] == pytest.approx(inside)
        folds = [fold["scores"][model]["5"] for fold in walked.metrics["folds"]]
        pooled = sum(fold["rmse"] ** 2 * fold["n"] for fold in folds) / scores["n"]
        assert scores["rmse"] ** 2 == pytest.approx(pooled)


def test_the_calibrated_bands_learn_on_through_the_folds(walked: candlecast.Run) -> None:
    for model in ("persistence", "har"):
        rows = walked.forecasts.filter(model=model)
        found = Forecast.from_frame(rows)
        expected, _ = calibrate(replace(found, bands=None))
        assert found.bands is not None
        np.testing.assert_allclose(found.bands, np.asarray(expected.bands), rtol=1e-9)
        inside = rows.filter(horizon=1).select(
            pl.col("actual").is_between("calibrated_q10", "calibrated_q90").mean()
        )
        figures = walked.metrics["scores"][model]["1"]
        assert figures["calibrated_coverage_80"] == pytest.approx(inside.item())


def test_a_recipe_may_do_without_calibrated_bands(market: Candles, tmp_path: Path) -> None:
    recipe = Recipe.load(
        "econometric", ["calibration.adaptive=false", "baselines=[persistence]", *FOLDS]
    )
    walked = candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert walked.forecasts["calibrated_q10"].is_null().all()
    assert walked.scorecard.scores["ewma_t"]["1"]["calibrated_coverage_80"] is None


def test_nothing_after_a_fold_reaches_it(
    recipe: Recipe, market: Candles, walked: candlecast.Run, tmp_path: Path
) -> None:
    first_two = Candles(market.frame[:2305], market.symbol, market.interval)
    shorter = candlecast.walkforward(recipe, first_two, tmp_path / "out", progress=False)
    ours, theirs = (run.forecasts.drop("actual") for run in (shorter, walked))
    common = theirs.join(ours.select("origin", "model", "horizon"), ["origin", "model", "horizon"])
    keys = ["model", "origin", "horizon"]
    assert common.sort(keys).equals(ours.sort(keys))


def test_each_fold_is_fitted_on_what_went_before_it_alone(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    fit = Baseline.fit

    def watched(self: Baseline, candles: Candles, split: Split) -> Baseline:
        seen.append((split.before_test.stop, len(candles)))
        return fit(self, candles, split)

    monkeypatch.setattr(Baseline, "fit", watched)
    candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert sorted(set(seen)) == [(1500, 1905), (1900, 2305), (2300, 2600)]


class PowerCutError(Exception):
    """The machine goes down."""


def test_an_interrupted_walk_forward_goes_on_and_finished_folds_are_kept(
    recipe: Recipe,
    market: Candles,
    walked: candlecast.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits: list[int] = []
    fit = Baseline.fit

    def counted(self: Baseline, candles: Candles, split: Split) -> Baseline:
        fits.append(split.before_test.stop)
        if len(fits) == 10:  # in the second fold
            raise PowerCutError
        return fit(self, candles, split)

    monkeypatch.setattr(Baseline, "fit", counted)
    with pytest.raises(PowerCutError):
        candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert (tmp_path / "out" / "checkpoints" / "fold-000001.json").is_file()
    resumed = candlecast.walkforward(recipe, market, tmp_path / "out", resume=True, progress=False)
    assert min(fits[10:]) == 1900, "the first fold is not fitted again"
    assert resumed.metrics["scores"] == walked.metrics["scores"]
    assert resumed.forecasts.equals(walked.forecasts)
    again = candlecast.walkforward(recipe, market, tmp_path / "out", resume=True, progress=False)
    assert again.metrics == resumed.metrics
    other = recipe.model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="another seed"):
        candlecast.walkforward(other, market, tmp_path / "out", resume=True, progress=False)


def test_a_model_that_fails_in_one_fold_is_named_and_the_rest_is_kept(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = garch_t.fit

    def fails_once(returns: Returns, rows: range, horizons: Sequence[int]) -> Any:
        if rows.stop == 1900:
            raise CandlecastError("no convergence today")
        return fit(returns, rows, horizons)

    monkeypatch.setattr(garch_t, "fit", fails_once)
    run = candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    failures = [fold["failures"] for fold in run.metrics["folds"]]
    assert failures == [{}, {"garch_t": "no convergence today"}, {}]
    (note,) = run.scorecard.notes
    assert "garch_t failed in fold 2 and is scored without it: no convergence today" in note
    scores = run.scorecard.scores
    assert scores["har"]["1"]["n"] == 1095
    assert scores["garch_t"]["1"]["n"] == 1095 - 400
    assert scores["garch_t"]["1"]["crps_bp"] is not None


def test_a_model_that_fails_in_every_fold_has_no_score_and_a_reason(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise ValueError("a bug in a library")

    monkeypatch.setattr(garch_t, "fit", fails)
    run = candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert set(run.scorecard.scores["garch_t"]["1"].values()) == {None}
    assert any(
        "garch_t, 1 ahead, cannot be judged: a bug" in said for said in run.scorecard.verdicts
    )
    assert run.scorecard.notes == ()


def test_a_network_is_trained_anew_in_each_fold_and_the_last_is_kept(
    market: Candles, tmp_path: Path
) -> None:
    run = candlecast.walkforward(network_recipe(), market, tmp_path / "out", progress=False)
    assert list(run.scorecard.scores) == ["persistence", "ewma_t", "lstm"]
    folds = run.metrics["folds"]
    assert [fold["test_windows"] for fold in folds] == [400, 400, 299]
    assert [fold["model"]["epochs"] for fold in folds] == [1, 1, 1]
    assert len({fold["model"]["val_loss"] for fold in folds}) == 3
    assert run.scorecard.verdicts[0].startswith("lstm, 1 ahead")
    forecasts = candlecast.predict(run.folder, market, progress=False)
    last = run.forecasts.filter(model="lstm").tail(1)
    same = forecasts.join(last.select("origin"), "origin")
    assert same["mean"].to_list() == pytest.approx(last["mean"].to_list(), rel=1e-6)


def test_a_warm_start_takes_the_weights_of_the_fold_before(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[bool] = []
    fit = SequenceForecaster.fit

    def watched(self: SequenceForecaster, candles: Candles, split: Split) -> SequenceForecaster:
        starts.append(self.start is not None)
        return fit(self, candles, split)

    monkeypatch.setattr(SequenceForecaster, "fit", watched)
    warm = network_recipe("walkforward.warm_start=true")
    run = candlecast.walkforward(warm, market, tmp_path / "warm", progress=False)
    assert starts == [False, True, True]
    cold = candlecast.walkforward(network_recipe(), market, tmp_path / "cold", progress=False)
    losses = [[fold["model"]["val_loss"] for fold in each.metrics["folds"]] for each in (run, cold)]
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]


@pytest.mark.parametrize("head", ["normal_mixture", "quantiles"])
def test_any_head_can_be_walked_forward_with_a_fold_that_fails(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    fit, fitted = SequenceForecaster.fit, []

    def fails_at_first(self: SequenceForecaster, candles: Candles, split: Split) -> Any:
        fitted.append(split)
        if len(fitted) == 1:
            raise CandlecastError("not this time")
        return fit(self, candles, split)

    monkeypatch.setattr(SequenceForecaster, "fit", fails_at_first)
    recipe = network_recipe(f"model.head={head}")
    run = candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert run.metrics["folds"][0]["failures"] == {"lstm": "not this time"}
    assert run.metrics["scores"]["lstm"]["1"]["crps_bp"] > 0
    frame = run.forecasts.filter(model="lstm")
    assert frame["q025"].null_count() == 0
    assert frame["scale"].null_count() == frame.height > 0


def test_metrics_json_holds_the_folds(walked: candlecast.Run) -> None:
    metrics = json.loads((walked.folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["work"] == "walkforward"
    first = metrics["folds"][0]
    assert set(first) == {
        "fold",
        "train_first",
        "train_last",
        "validation_first",
        "validation_last",
        "test_first",
        "test_last",
        "train_rows",
        "validation_rows",
        "test_rows",
        "test_windows",
        "seconds",
        "failures",
        "scores",
        "model",
    }
    assert (first["train_rows"], first["validation_rows"], first["test_rows"]) == (1200, 300, 400)
    assert metrics["split"]["train_windows"] is None
    assert metrics["audit"]["clean"] is True


def test_a_fold_in_which_everything_fails_is_reported_and_the_rest_is_kept(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = Baseline.fit

    def fails(self: Baseline, candles: Candles, split: Split) -> Baseline:
        if split.before_test.stop == failing:
            raise CandlecastError("no candles that day")
        return fit(self, candles, split)

    monkeypatch.setattr(Baseline, "fit", fails)
    for failing in (1500, 2300):
        out = tmp_path / str(failing)
        run = candlecast.walkforward(recipe, market, out, progress=False)
        broken = next(fold for fold in run.metrics["folds"] if fold["failures"])
        assert set(broken["failures"].values()) == {"no candles that day"}
        assert (broken["scores"], broken["model"]) == ({}, None)
        assert run.metrics["model"]["name"] == "har"
        assert run.scorecard.scores["har"]["1"]["rmse"] is not None
        assert len(run.scorecard.notes) == 7


def test_no_fold_that_could_be_fitted_is_an_error_that_says_why(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Baseline:
        raise CandlecastError("never")

    monkeypatch.setattr(Baseline, "fit", fails)
    with pytest.raises(CandlecastError, match=r"could be forecast .persistence: never; drift"):
        candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)


def test_a_network_that_fails_in_the_last_fold_is_still_the_one_that_is_kept(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = SequenceForecaster.fit

    def fails_last(self: SequenceForecaster, candles: Candles, split: Split) -> SequenceForecaster:
        if len(candles) == 2600:
            raise CandlecastError("diverged")
        return fit(self, candles, split)

    monkeypatch.setattr(SequenceForecaster, "fit", fails_last)
    run = candlecast.walkforward(network_recipe(), market, tmp_path / "out", progress=False)
    assert run.metrics["model"]["name"] == "lstm"
    assert run.metrics["folds"][2]["model"] is None
    assert "lstm failed in fold 3" in run.scorecard.notes[0]
    forecasts = candlecast.predict(run.folder, market, progress=False)
    assert forecasts["model"].unique().to_list() == ["lstm"]


def test_a_rolling_window_trains_on_its_length_alone(market: Candles, tmp_path: Path) -> None:
    rolling = Recipe.load("econometric", ["horizons=[1]", *FOLDS, "walkforward.window=rolling"])
    run = candlecast.walkforward(rolling, market, tmp_path / "out", progress=False)
    rows = [fold["train_rows"] + fold["validation_rows"] for fold in run.metrics["folds"]]
    assert rows == [1500, 1500, 1500]
    assert run.scorecard.scores["garch_t"]["1"]["crps_bp"] is not None


def test_finished_folds_outlive_a_request_that_proves_wrong_late(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> Any:
        raise InputError("too late")

    monkeypatch.setattr("candlecast.walk_forward.score_forecasts", refuses)
    with pytest.raises(InputError, match="too late"):
        candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert len(list((tmp_path / "out" / "checkpoints").glob("fold-*.json"))) == 3


def test_the_last_baseline_may_fail_in_every_fold(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = Baseline.fit

    def fails(self: Baseline, candles: Candles, split: Split) -> Baseline:
        if self.name == "har":
            raise CandlecastError("never")
        return fit(self, candles, split)

    monkeypatch.setattr(Baseline, "fit", fails)
    recipe = Recipe.load("econometric", ["horizons=[1]", *FOLDS, "baselines=[ar, har]"])
    run = candlecast.walkforward(recipe, market, tmp_path / "out", progress=False)
    assert run.metrics["model"]["name"] == "ewma_t"
    assert run.scorecard.scores["ar"]["1"]["rmse"] is not None
    assert run.scorecard.judgements["har"]["1"]["reason"] == "never"


def test_a_network_that_fails_in_every_fold_leaves_the_baselines_scored(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> SequenceForecaster:
        raise CandlecastError("diverged")

    monkeypatch.setattr(SequenceForecaster, "fit", fails)
    run = candlecast.walkforward(network_recipe(), market, tmp_path / "out", progress=False)
    assert run.metrics["model"] is None
    assert "lstm, 1 ahead: cannot be judged: diverged" in run.scorecard.verdicts[0]
    assert run.scorecard.scores["ewma_t"]["1"]["crps_bp"] is not None
    assert not (run.folder / "model").exists()
