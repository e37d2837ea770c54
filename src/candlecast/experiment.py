"""A run from end to end: candles, split, models, forecasts, scorecard, report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.artifact import ModelDocument, load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.evaluation.audit import audit
from candlecast.evaluation.scorecard import BASELINE, score_forecasts
from candlecast.features import OwnFeatures
from candlecast.features.own import load_own_features, own_features
from candlecast.intervals import interval_text
from candlecast.markets import Markets, with_markets
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
from candlecast.recipe import CalibrationSettings, Recipe
from candlecast.runs.calibrated import calibrate_each
from candlecast.runs.chosen_candles import all_candles, bounded, is_simulated
from candlecast.runs.clock import Clock
from candlecast.runs.facts import model_facts, part_facts, run_facts
from candlecast.runs.finished import Run, finish_run
from candlecast.runs.folder import RunFolder, choose_folder, open_folder
from candlecast.runs.inputs import warn_of_unread_markets, with_inputs
from candlecast.runs.yardsticks import naive_mae, target_scale
from candlecast.sources import read
from candlecast.splits import Split, split_rows

_log = logging.getLogger("candlecast")

FLATTERED = (
    "The epoch was chosen on the test rows themselves, as in the article, so the network's scores "
    "flatter it."
)


def run(
    recipe: Recipe,
    candles: Candles | str | Path | None = None,
    out: str | Path | None = None,
    *,
    markets: Markets | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Run:
    """Carry out a recipe: train, forecast the test rows, score and report.

    Args:
        recipe: What to do.
        candles: Candles, or the path of a candle file; None or ``simulated`` simulates a market.
        out: The folder to write to; None takes the next free one under ``runs/``.
        markets: Other markets by symbol, as candles or paths of candle files, for the recipe's
            `market_features`.
        resume: Go on with an unfinished run in that folder.
        progress: Whether to show a progress bar in a terminal.

    Raises:
        InputError: If the candles, the recipe or the folder are not fit for it.
        RunInterruptedError: If Ctrl-C was pressed while training; `resume` goes on from there.
    """
    clock = Clock()
    with clock.measure("read_s"):
        given = all_candles(recipe, candles, markets)
        used = bounded(given, recipe)
        recipe, dropped = with_inputs(recipe, used)
    split = split_rows(len(used), recipe.split)
    network, baselines = make_network(recipe), make_baselines(recipe)
    origins = _origins(network, baselines, used, split)
    path = Path(out) if out is not None else choose_folder(recipe.name, resume=resume)
    sha256 = used.sha256
    with (
        open_folder(path, "run", recipe, sha256, resume=resume) as folder,
        Progress(shown=progress) as bar,
    ):
        if folder.is_finished:
            _log.info("%s is finished already", path)
            return Run.load(path)
        if network is not None:
            network.checkpoints, network.progress = folder.checkpoints, bar
        with clock.measure("audit_s"):
            audited = audit(recipe, given)
        with clock.measure("train_s"):
            fitted, failures = fit_each(baselines, used, split)
            if BASELINE in failures:
                raise InputError(failures[BASELINE])
            subject = fitted[-1] if network is None else network.fit(used, split)
        models = _saved(subject, fitted, used, folder, clock, bar)
        with clock.measure("predict_s"):
            forecasts, more_failures = forecast_each(models, used, origins["test"])
            if network is not None and network.name in more_failures:
                raise CandlecastError(
                    f"{network.name} was trained and cannot forecast the test rows: "
                    f"{more_failures[network.name]}"
                )
            forecasts, _ = calibrate_each(forecasts, recipe.calibration)
        with clock.measure("score_s"):
            scorecard = score_forecasts(
                forecasts,
                recipe.target,
                target_scale(recipe, used, split),
                subject=None if network is None else network.name,
                naive_mae=naive_mae(used, split.train),
                failures=failures | more_failures,
                notes=_notes(recipe, split, simulated=is_simulated(candles)),
            )
        metrics = {
            **run_facts("run", recipe, used, sha256, dropped),
            "split": _split_facts(used, split, origins),
            "model": model_facts(subject),
            **scorecard.to_metrics(),
            "audit": audited.to_dict(),
        }
        tables = [forecast.to_frame().lazy() for forecast in forecasts]
        rows = pl.concat(tables, how="diagonal")  # some distributions have columns of their own
        return finish_run(folder, recipe, used, forecasts, rows, scorecard, metrics, clock)


def predict(
    run_folder: str | Path,
    candles: Candles | str | Path,
    *,
    markets: Markets | None = None,
    features_file: str | Path | None = None,
    progress: bool = True,
) -> pl.DataFrame:
    """Forecast with a saved model at every origin that the candles allow.

    Args:
        run_folder: A run's folder.
        candles: Candles, or the path of a candle file.
        markets: The other markets that the model reads, by symbol.
        features_file: The user's own features, if the model reads any: the same file as then. It
            is executed.
        progress: Whether to show a progress bar in a terminal.

    Returns:
        The columns of `forecasts.parquet`; `actual` is null where it is not known yet.

    Raises:
        InputError: If there is no model, the candles are of another interval, or too few.
        CandlecastError: If a forecast is not finite.
    """
    document, model = load_model(RunFolder(Path(run_folder)).model)
    candles = with_markets(candles if isinstance(candles, Candles) else read(candles), markets)
    own = _load_own(features_file, document)
    features = [name for each in _settings(document) for name in each.get("features", [])]
    warn_of_unread_markets(candles, features, own)
    interval = interval_text(candles.interval)
    if interval != document.interval:
        raise InputError(
            f"the model was trained on {document.interval} candles and these are {interval}. "
            f"Give {document.interval} candles."
        )
    if candles.symbol != document.symbol:
        _log.warning("the model was trained on %s, these are %s", document.symbol, candles.symbol)
    origins = model.origins(candles, range(len(candles)), known=False)
    if not origins.size:
        raise InputError(
            f"{len(candles)} candles are too few for one window of the model. Give more candles "
            "without a gap."
        )
    with Progress(shown=progress) as bar:
        if isinstance(model, Trained):
            model.progress = bar
        forecast = model.forecast(candles, origins)
    if not np.isfinite(forecast.mean).all():
        raise CandlecastError(
            f"{run_folder}: the model's forecasts are not finite. Its weights may be damaged, or "
            "these candles are unlike all that it was trained on."
        )
    (forecast,), _ = calibrate_each([forecast], _calibration(RunFolder(Path(run_folder))))
    return forecast.to_frame()


def _settings(document: ModelDocument) -> list[dict[str, Any]]:
    """The settings of a model, or of each member of an ensemble."""
    models = [document.model, *(each["model"] for each in document.model.get("members", []))]
    return [each.get("settings", {}) for each in models]


def _load_own(features_file: str | Path | None, document: ModelDocument) -> OwnFeatures:
    """The user's own features, if it is the file that the model was trained with."""
    hashes = (each.get("features_file_sha256") for each in _settings(document))
    sha256 = next((each for each in hashes if each is not None), None)
    if features_file is not None and sha256 is None:
        raise InputError(
            f"{features_file}: the model reads no features of its user's own. Leave the file out."
        )
    if features_file is not None:
        load_own_features(features_file, sha256)
    return own_features(sha256)


def _calibration(folder: RunFolder) -> CalibrationSettings:
    """As the run's recipe has it; a model that was moved elsewhere without one is calibrated."""
    if not folder.recipe.is_file():
        return CalibrationSettings()
    return Recipe.load(folder.recipe).calibration


def _origins(
    network: Trained | None,
    baselines: Sequence[Baseline],
    candles: Candles,
    split: Split,
) -> dict[str, NDArray[np.int64]]:
    """The windows of each part that every model has; none may be without."""
    models: list[Trained | Baseline] = [*baselines]
    if network is not None:
        models.append(network)
    origins = {}
    for name, rows in split.parts.items():
        origins[name] = common_origins(models, candles, rows)
        if not origins[name].size:
            raise InputError(models[-1].no_window(name, len(rows)))
    return origins


def _saved(
    subject: Trained | Baseline,
    fitted: Sequence[Baseline],
    candles: Candles,
    folder: RunFolder,
    clock: Clock,
    bar: Progress,
) -> list[Trained | Baseline]:
    """Save the subject; the baselines, and in the network's place what was saved of it."""
    save_model(folder.model, subject, candles)
    if isinstance(subject, Baseline):
        return list(fitted)
    clock.move(subject.prepare_s_, "train_s", "prepare_s")
    _, saved = load_model(folder.model)
    assert isinstance(saved, Trained)
    saved.progress = bar
    return [*fitted, saved]


def _notes(recipe: Recipe, split: Split, *, simulated: bool) -> list[str]:
    """What a reader must know before believing a score."""
    notes = []
    if simulated:
        notes.append(
            f"The market is simulated: by its law {recipe.data.simulated.r2:.2%} of the variance "
            "of the next minute's return can be foretold and no more; in a sample that varies."
        )
    if split.validates_on_test:
        notes.append(FLATTERED)
    return notes


def _split_facts(
    candles: Candles, split: Split, origins: dict[str, NDArray[np.int64]]
) -> dict[str, Any]:
    windows = {f"{name}_windows": len(rows) for name, rows in origins.items()}
    return part_facts(candles, split.parts) | windows
