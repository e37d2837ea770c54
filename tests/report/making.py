"""Reports to look at, made without fitting anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from candlecast.candles import Candles
from candlecast.conformal import calibrate
from candlecast.distributions import StudentT
from candlecast.evaluation.scorecard import score_forecasts
from candlecast.features import target_values
from candlecast.forecast import Forecast
from candlecast.report.page import Report

MOST_SCORED = 2000
HORIZONS = (1, 15)

RECIPE = "name: made\nfeatures: [log_return, log_range]\nhorizons: [1, 15]\n"


def make_forecasts(
    candles: Candles, horizons: tuple[int, ...] = HORIZONS, start: int = 100
) -> list[Forecast]:
    """Persistence, a model with bands and a hopeless one that forecasts points alone.

    The bands are right in the mean and know nothing of how wild the hour is.
    """
    origins = np.arange(start, len(candles) - max(horizons))
    close = candles.frame["close"].to_numpy()
    shape = (len(origins), len(horizons))
    returns = target_values(candles, "log_return", (1,))[:, 0]
    known = returns[np.isfinite(returns)]
    pull = -0.1 * np.concatenate([[0.0], np.diff(np.log(close))])
    location = np.repeat(pull[origins, None], len(horizons), axis=1)
    scale = 0.8 * float(np.std(known)) * np.sqrt(np.asarray(horizons, dtype=np.float64))
    wave = 1 + 0.3 * np.sin(np.arange(len(origins)) / 500)
    degrees = np.full((1, len(horizons)), 6.0)
    spread = StudentT(location, wave[:, None] * scale, degrees)
    flat = np.zeros(shape)
    still = StudentT(flat, flat + scale, degrees)
    last = close[origins][:, None]
    return [
        Forecast.at(candles, origins, horizons, "persistence", last + flat, still),
        Forecast.at(candles, origins, horizons, "garch_t", last * np.exp(location), spread),
        Forecast.at(candles, origins, horizons, "hopeless", last * 0.9 + flat),
    ]


def make_report(
    candles: Candles,
    *,
    model: str = "garch_t",
    horizons: tuple[int, ...] = HORIZONS,
    calibrated: bool = False,
) -> Report:
    """A report with every section; the scores are those of the first forecasts alone."""
    forecasts = make_forecasts(candles, horizons)
    if calibrated:
        forecasts = [calibrate(forecast)[0] for forecast in forecasts]
    few = np.arange(min(MOST_SCORED, len(forecasts[0])))
    scorecard = score_forecasts(
        [each.take(few) for each in forecasts],
        "log_return",
        1.0,
        subject=model,
        notes=["this flatters it"],
    )
    return Report(scorecard, forecasts, model, candles, make_metrics(candles), RECIPE)


def make_metrics(candles: Candles) -> dict[str, Any]:
    """What `metrics.json` holds of a run with a network, two folds and an audit."""
    times = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in candles.frame["time"]]
    third = len(times) // 3
    folds = [
        {
            "fold": number,
            "train_first": times[0],
            "train_last": times[number * third - 60],
            "validation_first": times[number * third - 50],
            "validation_last": times[number * third - 10],
            "test_first": times[number * third],
            "test_last": times[(number + 1) * third - 1],
            "train_rows": 500,
            "test_rows": 250,
            "seconds": 1.25,
            "failures": {"har": "too few rows <here>"} if number == 2 else {},
            "scores": {"garch_t": {"1": {"skill": 0.001 * number}}},
        }
        for number in (1, 2)
    ]
    return {
        "recipe": "made",
        "seed": 42,
        "data": {"symbol": candles.symbol, "interval": "1m", "sha256": "0123abcd"},
        "split": {
            "train_rows": 50,
            "validation_rows": 40,
            "test_rows": len(candles) - 100,
            "train_first": times[0],
            "train_last": times[49],
            "validation_first": times[55],
            "validation_last": times[94],
            "test_first": times[100],
            "test_last": times[-1],
        },
        "model": {
            "name": "garch_t",
            "parameters": 4513,
            "best_epoch": 2,
            "history": [
                {"train_loss": 1.2, "val_loss": 1.1},
                {"train_loss": 1.0, "val_loss": 0.9},
                {"train_loss": 0.9, "val_loss": None},
            ],
        },
        "timing": {"train_s": 12.5},
        "folds": folds,
        "audit": {
            "findings": [
                {"subject": "feature log_return", "check": "changing the future", "leak": None},
                {
                    "subject": "feature log_range",
                    "check": "the same",
                    "leak": "it moves",
                    "rows": 3,
                },
            ],
            "notes": ["Features were tried on 900 rows."],
        },
        "versions": {"python": "3.11.0", "candlecast": "0.1.0"},
    }
