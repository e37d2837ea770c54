"""What a run was made of, as it stands in `metrics.json`."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from candlecast.candles import Candles
from candlecast.features.compute import Dropped
from candlecast.intervals import interval_text
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.ensemble.forecaster import EnsembleForecaster
from candlecast.models.trained import Trained
from candlecast.recipe import Recipe
from candlecast.runs.folder import Work

_LIBRARIES = ("candlecast", "torch", "lightning", "polars", "numpy", "scipy", "arch")
_EXTRAS = ("lightgbm", "TA-Lib", "neuralforecast", "chronos-forecasting")  # where installed


def run_facts(
    work: Work, recipe: Recipe, candles: Candles, sha256: str, dropped: Dropped
) -> dict[str, Any]:
    """What was done, to which candles, with what, and which features they did not allow."""
    return {
        "work": work,
        "recipe": recipe.name,
        "seed": recipe.seed,
        "data": _data_facts(candles, sha256) | {"dropped_features": dropped},
        "versions": _versions(),
    }


def _data_facts(candles: Candles, sha256: str) -> dict[str, Any]:
    """Which candles."""
    return {
        "symbol": candles.symbol,
        "interval": interval_text(candles.interval),
        "rows": len(candles),
        "first": iso(candles.first),
        "last": iso(candles.last),
        "gaps": candles.gaps.height,
        "missing": candles.missing,
        "markets": list(candles.markets),
        "sha256": sha256,
    }


def part_facts(candles: Candles, parts: Mapping[str, range]) -> dict[str, Any]:
    """How many rows each part of a split has, and its first and last candle, None if empty."""
    times = candles.frame["time"]
    facts: dict[str, Any] = {f"{name}_rows": len(rows) for name, rows in parts.items()}
    for name, rows in parts.items():
        facts[f"{name}_first"] = iso(times[rows.start]) if rows else None
        facts[f"{name}_last"] = iso(times[rows.stop - 1]) if rows else None
    return facts


def model_facts(model: Trained | Baseline) -> dict[str, Any]:
    """Which model; what only a network has is None for a baseline or an ensemble."""
    named: dict[str, Any] = {"name": model.name, "parameters": None}
    if not isinstance(model, Baseline):
        named["parameters"] = model.parameters
    if isinstance(model, EnsembleForecaster):
        named["members"] = [model_facts(member) for member in model.members]
    outcome = None if isinstance(model, Baseline) else model.outcome_
    if outcome is None:
        unknown = ("best_epoch", "epochs", "val_loss")
        return named | dict.fromkeys(unknown) | {"history": []}
    return named | {
        "best_epoch": outcome.best_epoch,
        "epochs": outcome.epochs,
        "val_loss": outcome.val_loss,
        "history": [
            {name: loss if math.isfinite(loss) else None for name, loss in epoch.items()}
            for epoch in outcome.history
        ],
    }


def _versions() -> dict[str, str]:
    """Of Python and of the libraries that a score may hang on."""
    found = {"python": platform.python_version()}
    for name in (*_LIBRARIES, *_EXTRAS):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def iso(moment: datetime) -> str:
    """A moment in UTC as text."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
