"""A run from end to end: candles, split, models, forecasts, scorecard, report."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.clock import Clock
from candlecast.errors import CandlecastError, InputError
from candlecast.evaluation.scorecard import Scorecard, score_forecasts
from candlecast.files import make_folder, write_text, written_whole
from candlecast.forecast import Forecast
from candlecast.intervals import interval_text, parse_interval
from candlecast.models.forecaster import Forecaster
from candlecast.models.network import NetworkForecaster, NetworkSettings
from candlecast.models.persistence import Persistence, PersistenceSettings
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.report.figures import draw_forecast
from candlecast.report.page import write_page
from candlecast.run_folder import RunFolder, choose_folder, open_folder
from candlecast.simulate import simulate
from candlecast.sources import read
from candlecast.splits import Split, split_rows

_log = logging.getLogger("candlecast")

SIMULATED = "simulated"

FLATTERED = (
    "The epoch was chosen on the test rows themselves, as in the article, so the network's scores "
    "flatter it."
)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: Where its files are.
        scorecard: How good it is.
        metrics: The content of `metrics.json`.
    """

    folder: Path
    scorecard: Scorecard
    metrics: dict[str, Any]

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """Read a finished run.

        Raises:
            InputError: If there is none.
        """
        files = RunFolder(Path(folder))
        try:
            metrics = json.loads(files.metrics.read_text(encoding="utf-8"))
            scorecard = Scorecard.from_metrics(metrics)
        except OSError as error:
            raise InputError(f"{folder}: there is no finished run here.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{files.metrics}: this is damaged ({error!r}). Run the recipe again."
            ) from error
        return cls(files.path, scorecard, metrics)

    @property
    def forecasts(self) -> pl.DataFrame:
        """Every forecast of the test rows; the columns are those of `forecasts.parquet`."""
        return pl.read_parquet(RunFolder(self.folder).forecasts)


def run(
    recipe: Recipe,
    candles: Candles | str | Path | None = None,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    progress: bool = True,
) -> Run:
    """Carry out a recipe: train, forecast the test rows, score and report.

    Args:
        recipe: What to do.
        candles: Candles, or the path of a candle file; None or ``simulated`` simulates a market.
        out: The folder to write to; None takes the next free one under ``runs/``.
        resume: Go on with an unfinished run in that folder.
        progress: Whether to show a progress bar in a terminal.

    Raises:
        InputError: If the candles, the recipe or the folder are not fit for it.
        RunInterruptedError: If Ctrl-C was pressed while training; `resume` goes on from there.
    """
    if not isinstance(recipe, Recipe):
        raise InputError(f"run takes a Recipe, not {recipe!r}; Recipe.load reads one.")
    clock = Clock()
    simulated = candles is None or (isinstance(candles, str) and candles == SIMULATED)
    with clock.measure("read_s"):
        candles = bounded(_candles(recipe, candles), recipe)
    split = split_rows(len(candles), recipe.split)
    network = NetworkForecaster(NetworkSettings.from_recipe(recipe), recipe.training)
    origins = _origins(network, candles, split)
    path = Path(out) if out is not None else choose_folder(recipe.name, resume=resume)
    sha256 = candles.sha256
    with (
        open_folder(path, recipe, sha256, resume=resume) as folder,
        Progress(shown=progress) as bar,
    ):
        if folder.is_finished:
            _log.info("%s is finished already", path)
            return Run.load(path)
        network.checkpoints, network.progress = folder.checkpoints, bar
        forecasts = _fit_and_forecast(network, candles, split, origins["test"], folder, clock)
        scorecard = score_forecasts(
            forecasts,
            recipe.target,
            network.target_scaler_.scale[0],
            notes=_notes(recipe, split, simulated=simulated),
        )
        metrics = {
            "recipe": recipe.name,
            "seed": recipe.seed,
            "data": _data_facts(candles, sha256),
            "split": _split_facts(split, origins),
            "model": _model_facts(network),
            "scores": scorecard.scores,
            "verdicts": list(scorecard.verdicts),
            "notes": list(scorecard.notes),
            "timing": clock.seconds,
        }
        _write(folder, recipe, candles, forecasts, scorecard, metrics, clock)
    return Run(path, scorecard, metrics)


def predict(
    run_folder: str | Path, candles: Candles | str | Path, *, progress: bool = True
) -> pl.DataFrame:
    """Forecast with a saved model at every origin that the candles allow.

    Args:
        run_folder: A run's folder.
        candles: Candles, or the path of a candle file.
        progress: Whether to show a progress bar in a terminal.

    Returns:
        The columns of `forecasts.parquet`; `actual` is null where it is not known yet.

    Raises:
        InputError: If there is no model, the candles are of another interval, or too few.
        CandlecastError: If a forecast is not finite.
    """
    document, model = load_model(RunFolder(Path(run_folder)).model)
    candles = candles if isinstance(candles, Candles) else read(candles)
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
        if isinstance(model, NetworkForecaster):
            model.progress = bar
        forecast = model.forecast(candles, origins)
    if not np.isfinite(forecast.mean).all():
        raise CandlecastError(
            f"{run_folder}: the model's forecasts are not finite. Its weights may be damaged, or "
            "these candles are unlike all that it was trained on."
        )
    return forecast.to_frame()


def bounded(candles: Candles, recipe: Recipe) -> Candles:
    """The candles that a recipe's `data` section asks for.

    Raises:
        InputError: If none is left, or the interval cannot be had.
    """
    kept = candles.between(recipe.data.start, recipe.data.end)
    if recipe.data.interval is not None:
        kept = kept.resample(parse_interval(recipe.data.interval))
    if not len(kept):
        raise InputError(
            f"no candle is left: the candles are {candles!r}, and the recipe asks for data.start "
            f"{recipe.data.start}, data.end {recipe.data.end}."
        )
    return kept


def _candles(recipe: Recipe, candles: Candles | str | Path | None) -> Candles:
    if isinstance(candles, Candles):
        return candles
    if not isinstance(candles, str | Path | None):
        raise InputError(
            f"a run takes Candles or a path, not {type(candles).__name__}; "
            "Candles.from_frame makes Candles of a frame."
        )
    if candles is None or candles == SIMULATED:
        market = recipe.data.simulated
        return simulate(rows=market.rows, r2=market.r2, seed=recipe.seed).candles
    return read(candles)


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


def _origins(
    network: NetworkForecaster, candles: Candles, split: Split
) -> dict[str, NDArray[np.int64]]:
    """The windows of each part; none may be without."""
    origins = {}
    for name, rows in split.parts.items():
        origins[name] = network.origins(candles, rows, known=True)
        if not origins[name].size:
            raise InputError(network.no_window(name, len(rows)))
    return origins


def _fit_and_forecast(
    network: NetworkForecaster,
    candles: Candles,
    split: Split,
    origins: NDArray[np.int64],
    folder: RunFolder,
    clock: Clock,
) -> list[Forecast]:
    """Train, save, load what was saved, and forecast with it."""
    settings = network.settings
    persistence = Persistence(
        PersistenceSettings(horizons=settings.horizons, across_gaps=settings.across_gaps)
    )
    with clock.measure("train_s"):
        persistence.fit(candles, split)
        network.fit(candles, split)
    clock.move(network.prepare_s_, "train_s", "prepare_s")
    save_model(folder.model, network, candles)
    _, saved = load_model(folder.model)
    assert isinstance(saved, NetworkForecaster)
    saved.progress = network.progress
    with clock.measure("predict_s"):
        forecasters: Sequence[Forecaster] = (persistence, saved)
        return [forecaster.forecast(candles, origins) for forecaster in forecasters]


def _write(
    folder: RunFolder,
    recipe: Recipe,
    candles: Candles,
    forecasts: Sequence[Forecast],
    scorecard: Scorecard,
    metrics: dict[str, Any],
    clock: Clock,
) -> None:
    """Write every file; `metrics.json` last, for it marks the run as finished."""
    with written_whole(folder.forecasts) as aside:
        pl.concat(forecast.to_frame() for forecast in forecasts).write_parquet(aside)
    make_folder(folder.figures)
    figures = draw_forecast(forecasts[-1], scorecard, candles.symbol, folder.figures)
    clock.stop()
    facts = {"Data": metrics["data"], "Split": metrics["split"], "Model": _plain(metrics["model"])}
    write_page(folder.report, scorecard, figures, facts, recipe.to_yaml())
    write_text(folder.metrics, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    shutil.rmtree(folder.checkpoints)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "history"}


def _data_facts(candles: Candles, sha256: str) -> dict[str, Any]:
    return {
        "symbol": candles.symbol,
        "interval": interval_text(candles.interval),
        "rows": len(candles),
        "first": _iso(candles.first),
        "last": _iso(candles.last),
        "gaps": candles.gaps.height,
        "missing": candles.missing,
        "sha256": sha256,
    }


def _split_facts(split: Split, origins: dict[str, NDArray[np.int64]]) -> dict[str, int]:
    rows = {f"{name}_rows": len(rows) for name, rows in split.parts.items()}
    return rows | {f"{name}_windows": len(windows) for name, windows in origins.items()}


def _model_facts(network: NetworkForecaster) -> dict[str, Any]:
    outcome = network.outcome_
    return {
        "name": network.name,
        "parameters": network.parameters,
        "best_epoch": outcome.best_epoch,
        "epochs": outcome.epochs,
        "val_loss": outcome.val_loss,
        "history": [
            {name: loss if math.isfinite(loss) else None for name, loss in epoch.items()}
            for epoch in outcome.history
        ],
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
