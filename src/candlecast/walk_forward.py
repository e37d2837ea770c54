"""A walk-forward: a recipe's models refitted again and again, each tested on what came next."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from torch import nn

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import CandlecastError
from candlecast.evaluation.audit import audit
from candlecast.evaluation.folds import Fold, plan_folds
from candlecast.evaluation.scorecard import score_cells, score_forecasts
from candlecast.files import write_text, written_whole
from candlecast.forecast import QUANTILES, Forecast
from candlecast.markets import Markets
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.roster import (
    common_origins,
    fit_each,
    forecast_each,
    make_baselines,
    make_network,
)
from candlecast.models.trained import Trained
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.runs.calibrated import calibrate_each, read_states, write_states
from candlecast.runs.chosen_candles import all_candles, bounded
from candlecast.runs.clock import Clock
from candlecast.runs.facts import model_facts, part_facts, run_facts
from candlecast.runs.finished import Run, finish_run
from candlecast.runs.folder import RunFolder, choose_folder, open_folder
from candlecast.runs.inputs import with_inputs
from candlecast.runs.yardsticks import naive_mae

_log = logging.getLogger("candlecast")

Model = Trained | Baseline


def walkforward(
    recipe: Recipe,
    candles: Candles | str | Path | None = None,
    out: str | Path | None = None,
    *,
    markets: Markets | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Run:
    """Refit a recipe's models fold by fold, and score all that they said of the candles after.

    Scalers, weights and every other statistic are fitted inside each fold. A model that fails in a
    fold is left out of that fold, with the reason, and the rest goes on.

    Args:
        recipe: What to do; its `walkforward` says where the folds lie.
        candles: Candles, or the path of a candle file; None or ``simulated`` simulates a market.
        out: The folder to write to; None takes the next free one under ``runs/``.
        markets: Other markets by symbol, as candles or paths of candle files, for the recipe's
            `market_features`.
        resume: Go on with an unfinished walk-forward in that folder; finished folds are kept.
        progress: Whether to show a progress bar in a terminal.

    Returns:
        The run; its scores pool every fold's, and `metrics["folds"]` has each fold's own.

    Raises:
        InputError: If the candles, the recipe or the folder are not fit for it.
        CandlecastError: If persistence failed in every fold.
        RunInterruptedError: If Ctrl-C was pressed; `resume` goes on from there.
    """
    clock = Clock()
    with clock.measure("read_s"):
        given = all_candles(recipe, candles, markets)
        used = bounded(given, recipe)
        recipe, dropped = with_inputs(recipe, used)
    folds = plan_folds(used, recipe)
    path = Path(out) if out is not None else choose_folder(f"{recipe.name}-folds", resume=resume)
    sha256 = used.sha256
    with (
        open_folder(path, "walkforward", recipe, sha256, resume=resume) as folder,
        Progress(shown=progress) as bar,
    ):
        if folder.is_finished:
            _log.info("%s is finished already", path)
            return Run.load(path)
        with clock.measure("audit_s"):
            audited = audit(recipe, given, splits=[fold.split for fold in folds])
        with clock.measure("folds_s"):
            facts = _each_fold(recipe, used, folds, folder, bar)
        _keep_last_model(folder, folds)
        forecasts = _pooled(folder, recipe, facts)
        with clock.measure("score_s"):
            bar.start("scores of all folds together", total=None)
            scorecard = score_forecasts(
                forecasts,
                recipe.target,
                None,  # each fold has a scale of its own
                subject=None if recipe.model is None else recipe.model.name,
                naive_mae=naive_mae(used, folds[0].split.train),
                failures=_failed_everywhere(facts),
                notes=_notes(facts),
            )
        metrics = {
            **run_facts("walkforward", recipe, used, sha256, dropped),
            "split": _split_facts(folds, forecasts),
            "model": _newest_model(facts),
            **scorecard.to_metrics(),
            "folds": facts,
            "audit": audited.to_dict(),
        }
        rows = _rows_of(_forecast_files(folder))
        return finish_run(folder, recipe, used, forecasts, rows, scorecard, metrics, clock)


def _each_fold(
    recipe: Recipe, candles: Candles, folds: Sequence[Fold], folder: RunFolder, bar: Progress
) -> list[dict[str, Any]]:
    """Carry out the folds that are not done yet; the facts of each."""
    facts = []
    for fold in folds:
        noted = folder.checkpoints / f"fold-{fold.number:06}.json"
        if not noted.is_file():
            bar.start(f"fold {fold.number} of {len(folds)}", len(folds), done=fold.number - 1)
            # What comes after the fold's last target is not even at hand.
            seen = Candles(candles.frame[: fold.split.test.stop], candles.symbol, candles.interval)
            fact = _one_fold(recipe, seen, fold, folder, bar)
            write_text(noted, json.dumps(fact))  # last: it marks the fold as done
            _tell(fact, len(folds))
        facts.append(json.loads(noted.read_text(encoding="utf-8")))
    return facts


def _tell(fact: dict[str, Any], folds: int) -> None:
    left = (folds - fact["fold"]) * fact["seconds"]  # a later fold has more to train on
    _log.info(
        "fold %d of %d: tested %s to %s in %.1f s, about %.0f s left",
        *(fact["fold"], folds, fact["test_first"][:10], fact["test_last"][:10]),
        *(fact["seconds"], left),
    )


def _one_fold(
    recipe: Recipe, candles: Candles, fold: Fold, folder: RunFolder, bar: Progress
) -> dict[str, Any]:
    """Fit, forecast, score and save one fold."""
    began = time.perf_counter()
    models: list[Model] = [*make_baselines(recipe)]
    network = make_network(recipe)
    if network is not None:
        network.checkpoints = folder.checkpoints / f"training-{fold.number:06}"
        network.checkpoints.mkdir(exist_ok=True)
        network.progress = bar
        if recipe.walkforward.warm_start:
            network.start = _weights_before(folder, fold)
        models.append(network)
    origins = fold.among(common_origins(models, candles, fold.split.test))
    fitted, failures = fit_each(models, candles, fold.split)
    forecasts, more_failures = forecast_each(fitted, candles, origins)
    # The bands learn on through the folds, whatever is fitted anew.
    before = read_states(_states_file(folder, fold.number - 1))
    forecasts, after = calibrate_each(forecasts, recipe.calibration, before)
    write_states(_states_file(folder, fold.number), after)
    subject = _subject(recipe, fitted)
    if subject is not None:
        save_model(_model_folder(folder, fold), subject, candles)
    if forecasts:
        with written_whole(folder.checkpoints / f"fold-{fold.number:06}.parquet") as aside:
            tables = [forecast.to_frame() for forecast in forecasts]
            pl.concat(tables, how="diagonal").write_parquet(aside)
    return {
        "fold": fold.number,
        **part_facts(candles, fold.parts),
        "test_windows": len(origins),
        "seconds": time.perf_counter() - began,
        "failures": failures | more_failures,
        "scores": score_cells(forecasts),
        "model": None if subject is None else model_facts(subject),
    }


def _subject(recipe: Recipe, fitted: Sequence[Model]) -> Model | None:
    """The model that is kept: the recipe's network, or the last baseline; None if it failed."""
    if recipe.model is None:
        return fitted[-1] if fitted else None
    return next((model for model in fitted if isinstance(model, Trained)), None)


def _model_folder(folder: RunFolder, fold: Fold) -> Path:
    return folder.checkpoints / f"model-{fold.number:06}"


def _states_file(folder: RunFolder, number: int) -> Path:
    return folder.checkpoints / f"calibration-{number:06}.npz"


def _weights_before(folder: RunFolder, fold: Fold) -> nn.Module | None:
    """The newest network of the folds before; None if there is none."""
    before = (folder.checkpoints / f"model-{number:06}" for number in range(fold.number - 1, 0, -1))
    newest = next((path for path in before if path.is_dir()), None)
    model = None if newest is None else load_model(newest)[1]
    return model.network_ if isinstance(model, Trained) else None


def _keep_last_model(folder: RunFolder, folds: Sequence[Fold]) -> None:
    """The newest fold's model becomes the run's."""
    for fold in reversed(folds):
        if _model_folder(folder, fold).is_dir():
            with written_whole(folder.model) as aside:
                shutil.copytree(_model_folder(folder, fold), aside)
            return


def _forecast_files(folder: RunFolder) -> list[Path]:
    return sorted(folder.checkpoints.glob("fold-*.parquet"))


def _rows_of(files: Sequence[Path]) -> pl.LazyFrame:
    """The forecasts of several folds; a model that failed in one left its own columns out there."""
    return pl.concat([pl.scan_parquet(file) for file in files], how="diagonal")


def _pooled(folder: RunFolder, recipe: Recipe, facts: Sequence[dict[str, Any]]) -> list[Forecast]:
    """Every model's forecasts of all folds that it has, as one.

    Raises:
        CandlecastError: If no fold has any.
    """
    files = _forecast_files(folder)
    if not files:
        reasons = "; ".join(f"{name}: {why}" for name, why in facts[-1]["failures"].items())
        raise CandlecastError(f"no fold could be forecast ({reasons}).")
    rows = _rows_of(files).drop(*QUANTILES)
    names = [model.name for model in (*make_baselines(recipe), make_network(recipe)) if model]
    tables = (rows.filter(model=name).collect() for name in names)
    return [Forecast.from_frame(table) for table in tables if table.height]


def _newest_model(facts: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What there is to know of the model that was kept, if there is one."""
    known = [fact["model"] for fact in facts if fact["model"] is not None]
    return dict(known[-1]) if known else None


def _failed_everywhere(facts: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The models that failed in every fold, and why in the last."""
    failures: dict[str, str] = facts[-1]["failures"]
    return {
        model: reason
        for model, reason in failures.items()
        if all(model in fact["failures"] for fact in facts)
    }


def _notes(facts: Sequence[dict[str, Any]]) -> list[str]:
    """The folds that a model is missing from."""
    everywhere = _failed_everywhere(facts)
    return [
        f"{model} failed in fold {fact['fold']} and is scored without it: {reason}"
        for fact in facts
        for model, reason in fact["failures"].items()
        if model not in everywhere
    ]


def _split_facts(folds: Sequence[Fold], forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """What the folds come to, beside the keys that every run has."""
    last = folds[-1].split
    return {
        "folds": len(folds),
        "train_rows": len(last.train),
        "validation_rows": len(last.validation),
        "test_rows": sum(len(fold.tested) for fold in folds),
        "train_windows": None,
        "validation_windows": None,
        "test_windows": len(forecasts[0]) if forecasts else 0,
    }
