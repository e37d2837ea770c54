"""`Run`: a finished run, how it is written and how it is read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.files import make_folder, write_text, written_whole
from candlecast.forecast import Forecast
from candlecast.recipe import Recipe
from candlecast.report.figures import draw_calibration, draw_forecast, draw_skill
from candlecast.report.page import Report, write_report
from candlecast.runs.clock import Clock
from candlecast.runs.folder import RunFolder


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
        """Every forecast of the tested rows; the columns are those of `forecasts.parquet`."""
        return pl.read_parquet(RunFolder(self.folder).forecasts)


def finish_run(
    folder: RunFolder,
    recipe: Recipe,
    candles: Candles,
    forecasts: Sequence[Forecast],
    rows: pl.LazyFrame,
    scorecard: Scorecard,
    metrics: dict[str, Any],
    clock: Clock,
) -> Run:
    """Write the files of a run; `metrics.json` last, for it marks the run as finished.

    Args:
        folder: Where to.
        recipe: What was carried out.
        candles: On which candles.
        forecasts: Every model's forecasts of the tested rows.
        rows: The same as the rows of `forecasts.parquet`.
        scorecard: Their scores.
        metrics: The content of `metrics.json`; the times of `clock` are put in.
        clock: Is stopped.
    """
    with written_whole(folder.forecasts) as aside:
        rows.sink_parquet(aside)  # as a stream: a walk-forward has millions
    make_folder(folder.figures)
    forecast = _drawn(recipe, forecasts, scorecard)
    draw_forecast(forecast, scorecard, candles.symbol, folder.figures)
    draw_skill(forecasts, forecast.model, candles.symbol, folder.figures)
    draw_calibration(forecast, candles.symbol, folder.figures)
    clock.stop()
    metrics["timing"] = clock.seconds
    report = Report(scorecard, forecasts, forecast.model, candles, metrics, recipe.to_yaml())
    write_report(folder.report, report)
    write_text(folder.metrics, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    shutil.rmtree(folder.checkpoints)
    return Run(folder.path, scorecard, json.loads(json.dumps(metrics)))


def _drawn(recipe: Recipe, forecasts: Sequence[Forecast], scorecard: Scorecard) -> Forecast:
    """The forecast that figures and report are about: the network's, or the best baseline's."""
    horizon = scorecard.horizons[0]
    if recipe.model is not None:
        chosen = recipe.model.name
    else:
        crps = {model: each[horizon]["crps_bp"] for model, each in scorecard.scores.items()}
        known = {model: value for model, value in crps.items() if value is not None}
        chosen = min(known, key=lambda model: known[model], default=BASELINE)
    return next((each for each in forecasts if each.model == chosen), forecasts[0])
