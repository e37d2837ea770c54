"""`audit`: all that a recipe does with some candles, on stretches of them that are soon tried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import CandlecastError
from candlecast.evaluation.audit.features import audit_features
from candlecast.evaluation.audit.findings import Audit, Finding
from candlecast.evaluation.audit.last_candle import audit_last_candle
from candlecast.evaluation.audit.learning import Make
from candlecast.evaluation.audit.models import audit_forecaster
from candlecast.evaluation.audit.parts import audit_split
from candlecast.evaluation.audit.places import stretch
from candlecast.evaluation.audit.preparation import audit_resampling
from candlecast.evaluation.audit.wording import counted
from candlecast.features import FEATURES
from candlecast.intervals import parse_interval
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.splits import split_rows

_FEATURE_ROWS = 3_000
_SPARE_WINDOWS = 48  # of each part of the candles that a model is audited on
_GROWTH = 4  # of those candles, where the model needs more
_MONTHS_END = datetime(2021, 2, 1, tzinfo=UTC)  # here month, day, week and day of the week change


def audit(
    recipe: Recipe,
    candles: Candles,
    makers: Mapping[str, Make] | None = None,
    *,
    least_rows: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit all that a recipe does with some candles.

    The split and the last candle are audited as they are; features on a stretch of the candles, and
    each model on as short a stretch as it allows, both about a gap if there is one. So it takes
    seconds, whatever the file's length.

    Args:
        recipe: What is audited.
        candles: Candles as they were read, before the recipe's `data` section.
        makers: The recipe's models by name.
        least_rows: The fewest candles to try a model on, by name, for one that looks back further
            than the recipe's lookback; half of them are its train part.
        progress: Where progress is shown.

    Raises:
        InputError: If the recipe cannot be run on these candles.
        CandlecastError: If a model cannot be fitted, even on all of them.
    """
    makers, least = makers or {}, least_rows or {}
    bar = progress or Progress(shown=False)
    bar.start("audit", total=len(makers) + 1)
    findings, candles = _audit_data(recipe, candles)
    split = split_rows(len(candles), recipe.split)
    few = stretch(candles, _FEATURE_ROWS)
    findings += _audit_features_of(recipe, few)
    findings += audit_split(split, len(candles))
    notes = [f"Features were tried on {_described(few)}."]
    bar.advance()
    for name, make in makers.items():
        audited, few = _audit_model(make, recipe, candles, least.get(name, 0))
        findings += audited
        notes += [
            f"{name} was tried on {_described(few)}, dated anew about a month's end for the "
            "calendar's features to vary, with train, validation and test rows of its own."
        ]
        bar.advance()
    findings += [audit_last_candle(candles)]
    notes += [finding.note for finding in findings if finding.note is not None]
    return Audit(tuple(findings), tuple(notes))


def _audit_data(recipe: Recipe, candles: Candles) -> tuple[list[Finding], Candles]:
    """Audit what the recipe's `data` section does, and do it."""
    chosen = candles.between(recipe.data.start, recipe.data.end)
    if recipe.data.interval is None or not len(chosen):
        return [], chosen
    interval = parse_interval(recipe.data.interval)
    finding = audit_resampling(stretch(chosen, _FEATURE_ROWS), interval, seed=recipe.seed)
    return [finding], chosen.resample(interval)


def _audit_features_of(recipe: Recipe, candles: Candles) -> list[Finding]:
    return audit_features(
        candles,
        {name: FEATURES[name] for name in recipe.features},
        across_gaps=recipe.windows.across_gaps,
        horizons=recipe.horizons,
        seed=recipe.seed,
    )


def _audit_model(
    make: Make, recipe: Recipe, candles: Candles, least_rows: int
) -> tuple[list[Finding], Candles]:
    """Audit a model on the shortest stretch that it can be fitted on, and say which that was."""
    settings = recipe.split.model_copy(update={"train": 0.5, "validation": 0.25})
    window = recipe.windows.lookback + max(recipe.horizons)
    rows = max(least_rows, 4 * (window + settings.embargo + _SPARE_WINDOWS))
    while True:
        few = stretch(candles, rows)
        try:
            split = split_rows(len(few), settings)
            return audit_forecaster(make, _dated_anew(few), split, seed=recipe.seed), few
        except CandlecastError:  # too few candles for this model, unless there are no more
            if rows >= len(candles):
                raise
            rows *= _GROWTH


def _dated_anew(candles: Candles) -> Candles:
    """The same candles at a time when a new month and week begin early in the train part."""
    turn = candles.frame["time"][len(candles) // 8]
    shifted = candles.frame.with_columns(pl.col("time") + (_MONTHS_END - turn))
    return Candles(shifted, candles.symbol, candles.interval)


def _described(candles: Candles) -> str:
    return (
        f"{counted(len(candles), 'candle')} from {candles.first:%Y-%m-%d %H:%M} with "
        f"{counted(candles.gaps.height, 'gap')}"
    )
