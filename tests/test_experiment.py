"""A run from end to end, from Python, on the simulated market."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

import candlecast
from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.experiment import FLATTERED
from candlecast.forecast import Forecast
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.recipe import BaselineName, Recipe
from candlecast.runs.chosen_candles import bounded
from candlecast.training import TrainingOutcome, train
from small import small_default

FILES = [
    "figures",
    "forecasts.parquet",
    "metrics.json",
    "model",
    "recipe.yaml",
    "report.html",
]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return small_default("data.simulated.rows=1500")


@pytest.fixture(scope="module")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> candlecast.Run:
    return candlecast.run(recipe, out=tmp_path_factory.mktemp("runs") / "new", progress=False)


@pytest.fixture(scope="module")
def market(recipe: Recipe) -> Candles:
    return candlecast.simulate(rows=1500, r2=0.01, seed=recipe.seed).candles


def test_a_run_leaves_the_files_of_the_contract_and_no_others(run: candlecast.Run) -> None:
    assert sorted(path.name for path in run.folder.iterdir()) == FILES
    assert sorted(path.name for path in (run.folder / "figures").iterdir()) == [
        "calibration_1.png",
        "calibration_5.png",
        "forecast_1.png",
        "forecast_5.png",
        "skill_1.png",
        "skill_5.png",
    ]


def test_metrics_json_has_the_keys_of_the_contract(run: candlecast.Run, market: Candles) -> None:
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert metrics == run.metrics
    assert (metrics["recipe"], metrics["seed"]) == ("default", 42)
    assert metrics["data"] == {
        "symbol": "SIMULATED",
        "interval": "1m",
        "rows": 1500,
        "first": "2021-01-20T00:00:00Z",
        "last": "2021-01-21T00:59:00Z",
        "gaps": 0,
        "missing": 0,
        "sha256": market.sha256,
        "markets": [],
        "dropped_features": {},
    }
    assert metrics["split"] == {
        "train_rows": 1275,
        "validation_rows": 75,
        "test_rows": 150,
        "train_windows": 1261,
        "validation_windows": 70,
        "test_windows": 145,
        "train_first": "2021-01-20T00:00:00Z",
        "train_last": "2021-01-20T21:14:00Z",
        "validation_first": "2021-01-20T21:15:00Z",
        "validation_last": "2021-01-20T22:29:00Z",
        "test_first": "2021-01-20T22:30:00Z",
        "test_last": "2021-01-21T00:59:00Z",
    }
    assert set(metrics["model"]) == {
        "name",
        "parameters",
        "best_epoch",
        "epochs",
        "val_loss",
        "history",
    }
    assert list(metrics["scores"]) == [*get_args(BaselineName), "lstm"]
    assert list(metrics["scores"]["lstm"]) == ["1", "5"]
    timing = metrics["timing"]
    parts = ["read_s", "audit_s", "train_s", "prepare_s", "predict_s", "score_s", "total_s"]
    assert list(timing) == parts
    assert 0 < sum(list(timing.values())[:-1]) <= timing["total_s"]
    assert all(seconds > 0 for seconds in timing.values())


def test_the_forecasts_give_the_scores(run: candlecast.Run) -> None:
    for model in ("persistence", "lstm"):
        for horizon in (1, 5):
            rows = run.forecasts.filter(model=model, horizon=horizon)
            error = (rows["mean"] - rows["actual"]).to_numpy()
            scores = run.metrics["scores"][model][str(horizon)]
            assert scores["n"] == rows.height == 145
            assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


def test_the_forecasts_are_aligned_with_the_candles(run: candlecast.Run, market: Candles) -> None:
    first = run.forecasts.row(0, named=True)
    time, close = market.frame["time"], market.frame["close"]
    origin = 1350  # the first test row: the network warms up on the candles before
    assert (first["origin"], first["time"]) == (time[origin], time[origin + 1])
    assert (first["last_close"], first["actual"]) == (close[origin], close[origin + 1])
    persistence = run.forecasts.filter(model="persistence")
    assert (persistence["mean"] == persistence["last_close"]).all()
    assert persistence["q50"].null_count() == 0


def test_the_same_recipe_gives_the_same_files_but_for_the_clock(
    recipe: Recipe, run: candlecast.Run, tmp_path: Path
) -> None:
    again = candlecast.run(recipe, "simulated", tmp_path / "again", progress=False)
    for name in (
        "forecasts.parquet",
        "recipe.yaml",
        "model/model.json",
        "model/weights.safetensors",
    ):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes(), name
    assert again.metrics | {"timing": 0} == run.metrics | {"timing": 0}


def test_the_scorecard_says_what_a_reader_must_know(
    recipe: Recipe, run: candlecast.Run, market: Candles, tmp_path: Path
) -> None:
    (note,) = run.scorecard.notes
    assert "simulated: by its law 1.00% of the variance of the next minute's return" in note
    on_test = recipe.model_copy(
        update={"split": recipe.split.model_copy(update={"validation": "test"})}
    )
    flattered = candlecast.run(on_test, market, tmp_path / "run", progress=False)
    assert flattered.scorecard.notes == (FLATTERED,)
    assert "flatter" in (flattered.folder / "report.html").read_text(encoding="utf-8")


def test_a_finished_run_is_loaded_again(run: candlecast.Run) -> None:
    loaded = candlecast.Run.load(run.folder)
    assert loaded.metrics == run.metrics
    assert loaded.scorecard == run.scorecard


def test_predict_gives_the_run_s_own_forecasts_and_more(
    run: candlecast.Run, market: Candles
) -> None:
    everywhere = candlecast.predict(run.folder, market, progress=False)
    assert everywhere["model"].unique().to_list() == ["lstm"]
    assert everywhere.height == 2 * (1500 - 9)
    theirs = run.forecasts.filter(model="lstm")
    both = everywhere.join(theirs.select("origin", "horizon"), on=["origin", "horizon"])
    own = ~cs.starts_with("calibrated")  # those have learned from more outcomes here
    assert_frame_equal(both.select(own), theirs.select(own), rel_tol=1e-6)
    assert both["calibrated_q90"].null_count() == 0
    newest = everywhere.tail(2)
    assert newest["actual"].to_list() == [None, None]
    assert newest["origin"].unique().to_list() == [market.last]


def test_predict_refuses_what_the_model_was_not_made_for(
    run: candlecast.Run, market: Candles, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="trained on 1m candles and these are 5m"):
        candlecast.predict(run.folder, market.resample(timedelta(minutes=5)))
    few = Candles(market.frame[:9], market.symbol, market.interval)
    with pytest.raises(InputError, match="9 candles are too few"):
        candlecast.predict(run.folder, few)
    with pytest.raises(InputError, match="no whole saved model"):
        candlecast.predict(tmp_path, market)


def test_start_end_and_interval_bound_the_candles(recipe: Recipe, market: Candles) -> None:
    data = recipe.data.model_copy(
        update={"start": market.frame["time"][100], "end": market.frame["time"][400]}
    )
    bounds = recipe.model_copy(update={"data": data.model_copy(update={"interval": "5m"})})
    kept = bounded(market, bounds)
    assert len(kept) == 60
    assert (kept.first, kept.last) == (market.frame["time"][100], market.frame["time"][395])


ON_WINDOWS = [
    *("training.sequence=null", "training.steps=null", "training.mirror=false"),
    *("model.members=1", "model.dropout=0.0", "model.linear=null"),
]
MONTHS = [*ON_WINDOWS, "features=[log_return, month]"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.start=2030-01-01"], "no candle is left"),
        (["data.simulated.rows=60"], "the validation part has 3 rows and no forecast fits"),
        ([*ON_WINDOWS, "data.simulated.rows=60"], "no window fits"),
        (["data.simulated.rows=3"], "part has no row"),
        (["model.network=lstn"], "network 'lstn' is not known. Known networks: lstm, gru"),
        (["model.options={hiden: 4}"], "model.options.hiden: .* takes hidden, layers"),
        (MONTHS, "'month' is 1 in every training row"),
    ],
)
def test_a_refused_run_leaves_nothing_behind(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    recipe = small_default("data.simulated.rows=1500", *overrides)
    with pytest.raises(InputError, match=message):
        candlecast.run(recipe, out=tmp_path / "out", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_never_overwritten(
    recipe: Recipe, run: candlecast.Run, market: Candles, tmp_path: Path
) -> None:
    before = (run.folder / "metrics.json").read_bytes()
    with pytest.raises(InputError, match="holds a run already"):
        candlecast.run(recipe, market, run.folder, progress=False)
    assert (run.folder / "metrics.json").read_bytes() == before
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no run"):
        candlecast.run(recipe, market, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="a file stands in the way"):
        candlecast.run(recipe, market, tmp_path / "thesis.txt", progress=False)
    with pytest.raises(InputError, match="a file stands in the way"):
        candlecast.run(recipe, market, tmp_path / "thesis.txt" / "run", progress=False)


def test_a_finished_run_that_is_resumed_is_returned(
    recipe: Recipe, run: candlecast.Run, market: Candles
) -> None:
    again = candlecast.run(recipe, market, run.folder, resume=True, progress=False)
    assert again.metrics == run.metrics
    other = recipe.model_copy(update={"seed": 7})
    with pytest.raises(InputError, match="the run here has another seed"):
        candlecast.run(other, market, run.folder, resume=True, progress=False)
    shorter = Candles(market.frame[:1400], market.symbol, market.interval)
    with pytest.raises(InputError, match="the run here is of other candles"):
        candlecast.run(recipe, shorter, run.folder, resume=True, progress=False)


def test_a_refused_run_takes_away_what_it_made_and_nothing_else(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = small_default(*MONTHS)
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for out in (".", tmp_path / "link", tmp_path / "a" / "b" / "c"):
        with pytest.raises(InputError, match="'month' is 1 in every training row"):
            candlecast.run(refused, market, out, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link"]
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut"])
def test_a_damaged_state_of_the_training_is_named(
    recipe: Recipe, run: candlecast.Run, market: Candles, tmp_path: Path, content: bytes
) -> None:
    unfinished(run, market, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"last.ckpt: the saved state of the training is damaged"):
        candlecast.run(recipe, market, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"scores": []}', "\x00"])
def test_damaged_metrics_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=r"metrics.json: this is damaged"):
        candlecast.Run.load(tmp_path)
    with pytest.raises(InputError, match="no finished run here"):
        candlecast.Run.load(tmp_path / "none")


def test_a_damaged_recipe_of_a_run_is_named(
    recipe: Recipe, market: Candles, tmp_path: Path
) -> None:
    for content in (b"", b"a: [", b"\xff\xfe\x00"):
        (tmp_path / "recipe.yaml").write_bytes(content)
        with pytest.raises(InputError, match=r"another recipe|cannot be read as YAML"):
            candlecast.run(recipe, market, tmp_path, resume=True, progress=False)


def test_what_is_no_recipe_or_no_candles_is_refused(recipe: Recipe, market: Candles) -> None:
    frame: Any = market.to_polars()
    with pytest.raises(InputError, match="a run takes Candles or a path, not DataFrame"):
        candlecast.run(recipe, frame)
    name: Any = "default"
    with pytest.raises(InputError, match="this takes a Recipe, not 'default'"):
        candlecast.run(name, market)


def test_a_loss_that_is_not_finite_is_null_in_metrics_json(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wild(*args: Any) -> TrainingOutcome:
        outcome = train(*args)
        history = ({"train_loss": np.inf, "val_loss": np.nan}, *outcome.history)
        return replace(outcome, history=history)

    monkeypatch.setattr("candlecast.models.trained_network.train", wild)
    run = candlecast.run(recipe, market, tmp_path / "run", progress=False)
    written = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    first, *others = written["model"]["history"]
    assert first == {"train_loss": None, "val_loss": None}
    assert all(isinstance(loss, float) for epoch in others for loss in epoch.values())
    assert len(others) == written["model"]["epochs"]


def unfinished(run: candlecast.Run, market: Candles, path: Path) -> None:
    """Leave a run as an interruption does: recipe and mark, no metrics."""
    shutil.copytree(run.folder, path)
    (path / "checkpoints").mkdir()
    mark = {"work": "run", "sha256": market.sha256}
    (path / "checkpoints" / "work.json").write_text(json.dumps(mark))
    (path / "metrics.json").unlink()


def test_an_unfinished_run_goes_on_with_the_same_recipe_and_candles_only(
    recipe: Recipe, run: candlecast.Run, market: Candles, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    unfinished(run, market, path)
    with pytest.raises(InputError, match="go on with an unfinished run by --resume"):
        candlecast.run(recipe, market, path, progress=False)
    other = recipe.model_copy(
        update={"seed": 1, "windows": recipe.windows.model_copy(update={"lookback": 11})}
    )
    with pytest.raises(InputError, match=r"another seed, windows.lookback"):
        candlecast.run(other, market, path, resume=True, progress=False)
    shorter = Candles(market.frame[:1400], market.symbol, market.interval)
    with pytest.raises(InputError, match="is of other candles"):
        candlecast.run(recipe, shorter, path, resume=True, progress=False)
    resumed = candlecast.run(recipe, market, path, resume=True, progress=False)
    assert resumed.metrics["scores"] == run.metrics["scores"]
    assert sorted(each.name for each in path.iterdir()) == FILES


def test_without_out_a_run_takes_the_next_free_folder(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = small_default("horizons=[1]", "baselines=[persistence]", "training.max_epochs=1")
    folders = [candlecast.run(quick, market, progress=False).folder for _ in range(2)]
    shutil.rmtree(folders[0])
    resumed = candlecast.run(quick, market, resume=True, progress=False).folder
    another = candlecast.run(quick, market, progress=False).folder
    assert [*folders, resumed, another] == [
        Path("runs/default"),
        Path("runs/default-2"),
        Path("runs/default-2"),
        Path("runs/default-3"),
    ]


def test_the_report_holds_no_reference_to_anything_else(run: candlecast.Run) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=.(?!data:)", page)
    assert "default-src 'none'" in page, "the page itself forbids what is not inside it"
    assert pl.read_parquet(run.folder / "forecasts.parquet").height == 8 * 2 * 145


@pytest.mark.parametrize("head", ["normal_mixture", "quantiles"])
def test_a_run_with_any_head_ends_with_a_scorecard_and_a_report(
    market: Candles, tmp_path: Path, head: str
) -> None:
    recipe = small_default(f"model.head={head}", "baselines=[persistence, har]")
    run = candlecast.run(recipe, market, tmp_path / "out", progress=False)
    assert sorted(path.name for path in run.folder.iterdir()) == FILES
    for horizon in ("1", "5"):
        cell = run.metrics["scores"]["lstm"][horizon]
        assert all(
            cell[name] is not None for name in ("crps_bp", "log_score", "calibrated_coverage_80")
        )
        assert cell["crps_bp"] < 2 * run.metrics["scores"]["persistence"][horizon]["crps_bp"]
    frame = run.forecasts
    assert frame.filter(model="har")["scale"].null_count() == 0
    again = Forecast.from_frame(frame.filter(model="lstm"))
    assert again.distribution is not None
    crps = again.distribution.crps(again.actual_return).mean(axis=0) * 1e4
    assert crps[1] == pytest.approx(run.metrics["scores"]["lstm"]["5"]["crps_bp"])
    predicted = candlecast.predict(run.folder, market, progress=False)
    both = frame.filter(model="lstm").join(predicted, on=["origin", "horizon"])
    assert both.height == frame.filter(model="lstm").height
    np.testing.assert_allclose(both["q10"], both["q10_right"])


def test_a_recipe_without_a_network_scores_its_baselines_and_keeps_the_last(
    market: Candles, tmp_path: Path
) -> None:
    recipe = Recipe.load("econometric", ["horizons=[1, 3]"])
    run = candlecast.run(recipe, market, tmp_path / "run", progress=False)
    assert list(run.scorecard.scores) == list(get_args(BaselineName))
    assert (run.metrics["model"]["name"], run.metrics["model"]["parameters"]) == ("har", None)
    assert run.scorecard.scores["har"]["1"]["crps_bp"] is not None
    newest = candlecast.predict(run.folder, market, progress=False).tail(2)
    assert newest["model"].unique().to_list() == ["har"]
    assert newest["q50"].null_count() == 0


def test_a_baseline_that_cannot_be_fitted_does_not_sink_the_run(
    recipe: Recipe, market: Candles, tmp_path: Path
) -> None:
    few = Candles(market.frame[:540], market.symbol, market.interval)
    run = candlecast.run(recipe, few, tmp_path / "run", progress=False)
    assert set(run.scorecard.scores["garch_t"]["1"].values()) == {None}
    assert run.scorecard.scores["lstm"]["1"]["rmse"] is not None
    assert any("garch_t needs 500 returns" in sentence for sentence in run.scorecard.verdicts)
    assert "garch_t needs 500 returns" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_a_run_s_folder_is_not_gone_on_with_as_a_walk_forward(
    recipe: Recipe, run: candlecast.Run, market: Candles, tmp_path: Path
) -> None:
    settings = recipe.walkforward.model_copy(update={"first_train": "10h", "refit": 200})
    daily = recipe.model_copy(update={"walkforward": settings})
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    (copy / "recipe.yaml").write_text(daily.to_yaml())
    with pytest.raises(InputError, match="this folder holds a run, not a walkforward"):
        candlecast.walkforward(daily, market, copy, resume=True, progress=False)


def test_a_run_whose_persistence_cannot_be_fitted_is_refused_before_it_trains(
    recipe: Recipe, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object) -> None:
        pytest.fail("nothing is trained that could not be judged")

    monkeypatch.setattr("candlecast.models.trained_network.train", trained)
    settings = recipe.split.model_copy(update={"train": 0.8, "validation": 0.1})
    long = recipe.model_copy(update={"horizons": (1, 140), "split": settings})
    with pytest.raises(InputError, match="spans of 140 candles; a spread takes 10"):
        candlecast.run(long, market, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_forecast_that_is_not_finite_is_said_in_its_cell_and_the_run_ends_well(
    market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast = Baseline.forecast

    def broken(self: Baseline, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        said = forecast(self, candles, origins)
        if self.name == "har":
            said.mean[3, 0] = np.nan
        return said

    monkeypatch.setattr(Baseline, "forecast", broken)
    recipe = Recipe.load("econometric", ["horizons=[1, 3]"])
    run = candlecast.run(recipe, market, tmp_path / "run", progress=False)
    assert run.scorecard.judgements["har"]["1"]["verdict"] == "cannot be judged"
    assert run.scorecard.scores["har"]["3"]["rmse"] is not None
    assert (run.folder / "metrics.json").is_file()


def test_a_network_that_cannot_forecast_the_test_rows_ends_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Forecast:
        raise InputError("feature 'slope' is nan")

    monkeypatch.setattr(SequenceForecaster, "forecast", fails)
    with pytest.raises(CandlecastError, match="cannot forecast the test rows: feature 'slope'"):
        candlecast.run(recipe, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / "metrics.json").exists()
