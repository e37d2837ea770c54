"""`audit`: all that a recipe does with some candles, on stretches of them that are soon tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.evaluation.audit.far_ahead import audit_far_ahead
from candlecast.evaluation.audit.features import audit_features
from candlecast.evaluation.audit.findings import Audit, Finding
from candlecast.evaluation.audit.last_candle import audit_last_candle
from candlecast.evaluation.audit.learning import Make
from candlecast.evaluation.audit.models import audit_forecaster
from candlecast.evaluation.audit.parts import audit_splits
from candlecast.evaluation.audit.places import stretch
from candlecast.evaluation.audit.preparation import audit_resampling
from candlecast.evaluation.audit.wording import NOT_AUDITED, counted, said
from candlecast.features import expression
from candlecast.features.own import own_features
from candlecast.intervals import parse_interval
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.splits import Split, split_rows

_FEATURE_ROWS = 3_000
_SPARE_WINDOWS = 48  # of each part of the candles that a model is audited on
_MOST_TIMES_MORE = 8  # of those candles, for a model that says that it needs more
_SLOTS = 8  # of the coarser interval that resampling is tried on at least
_TOO_FEW = ("more candles", "too few", "longer span")  # in an error that asks for more
_MONTHS_END = datetime(2021, 2, 1, tzinfo=UTC)  # here month, day, week and day of the week change


def audit(
    recipe: Recipe,
    candles: Candles,
    makers: Mapping[str, Make] | None = None,
    *,
    least_rows: Mapping[str, int] | None = None,
    splits: Sequence[Split] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit all that a recipe does with some candles.

    The splits and the last candle are audited as they are; features on a stretch of the candles
    (the user's own also on all of them), and each model on as short a stretch as it allows, both
    about a gap if there is one. So it takes seconds, whatever the file's length. What could not be
    audited, a model that cannot be fitted to such a stretch for one, is told in a note and hinders
    nothing else.

    Args:
        recipe: What is audited, with its features as `with_inputs` gives them.
        candles: Candles as they were read, before the recipe's `data` section, for whatever work.
        makers: The recipe's models by name; None leaves them out, and a note says so.
        least_rows: The fewest candles to try a model on, by name, for one that looks back further
            than the recipe's lookback; half of them are its train part.
        splits: The splits that were really used, such as those of a walk-forward's folds, in rows
            of the candles after the recipe's `data` section; None takes the recipe's own split.
        progress: Where progress is shown.

    Raises:
        InputError: If the recipe's `data` section leaves no candle, or the recipe's own split is
            taken and leaves a part without a row.
    """
    makers, least = makers or {}, least_rows or {}
    bar = progress or Progress(shown=False)
    bar.start("audit", total=len(makers) + 1)
    findings, candles = _audit_data(recipe, candles)
    if splits is None:
        splits = [split_rows(len(candles), recipe.split)]
    few = stretch(candles, _FEATURE_ROWS)
    of_features = _audit_features_of(recipe, few)
    findings += of_features + _audit_own_far_ahead(recipe, candles, of_features)
    findings += audit_splits(splits, len(candles))
    notes = [f"Features were tried on {_described(few)}."]
    bar.advance()
    if not makers:
        notes.append("Models were not audited; `candlecast audit` does that.")
    for name, make in makers.items():
        audited, tried = _audit_model(name, make, recipe, candles, least.get(name, 0))
        findings += audited
        notes += tried
        bar.advance()
    findings += [audit_last_candle(candles)]
    notes += [finding.note for finding in findings if finding.note is not None]
    return Audit(tuple(findings), tuple(notes))


def _audit_data(recipe: Recipe, candles: Candles) -> tuple[list[Finding], Candles]:
    """Audit what the recipe's `data` section does, and do it."""
    chosen = candles.between(recipe.data.start, recipe.data.end)
    if recipe.data.interval is None or not len(chosen):
        return [], _checked(chosen, recipe)
    interval = parse_interval(recipe.data.interval)
    resampled = _checked(chosen.resample(interval), recipe)
    few = stretch(chosen, max(_FEATURE_ROWS, _SLOTS * (interval // chosen.interval)))
    try:
        finding = audit_resampling(few, interval, seed=recipe.seed)
    except InputError as error:  # no slot of this stretch is whole
        finding = _not_audited(f"resampling to {recipe.data.interval}", error)
    return [finding], resampled


def _checked(candles: Candles, recipe: Recipe) -> Candles:
    """The same candles, if there are any."""
    if not len(candles):
        raise InputError(
            "there are 0 candles left of those read: the recipe asks for data.start "
            f"{recipe.data.start}, data.end {recipe.data.end}, data.interval "
            f"{recipe.data.interval}. Give other candles, or change these keys."
        )
    return candles


def _audit_features_of(recipe: Recipe, candles: Candles) -> list[Finding]:
    own = own_features(recipe.features_file_sha256)
    return audit_features(
        candles,
        {name: expression(name, own) for name in recipe.features},
        across_gaps=recipe.windows.across_gaps,
        horizons=recipe.horizons,
        seed=recipe.seed,
    )


def _audit_own_far_ahead(
    recipe: Recipe, candles: Candles, found: Sequence[Finding]
) -> list[Finding]:
    """The user's own features, of which no test of ours knows how far they look."""
    own = own_features(recipe.features_file_sha256)
    names = [
        name
        for name, finding in zip(recipe.features, found, strict=True)
        if finding.leak is None and name.partition("@")[0] in own
    ]
    return audit_far_ahead(
        candles,
        {name: expression(name, own) for name in names},
        across_gaps=recipe.windows.across_gaps,
    )


def _audit_model(
    name: str, make: Make, recipe: Recipe, candles: Candles, least_rows: int
) -> tuple[list[Finding], list[str]]:
    """Audit a model on the shortest stretch that it can be fitted on, and say which that was."""
    settings = recipe.split.model_copy(update={"train": 0.5, "validation": 0.25})
    window = recipe.windows.lookback + max(recipe.horizons)
    rows = max(least_rows, 4 * (window + settings.embargo + _SPARE_WINDOWS))
    most = min(_MOST_TIMES_MORE * rows, len(candles))
    while True:
        few = stretch(candles, rows)
        try:
            split = split_rows(len(few), settings)
            findings = audit_forecaster(make, _dated_anew(few), split, seed=recipe.seed)
        except Exception as error:  # of others' code, which may raise whatever it likes
            if rows >= most or not _asks_for_more(error):
                return [_not_audited(name, error)], []
            rows = min(2 * rows, most)
            continue
        note = (
            f"{name} was tried on {_described(few)}, dated anew about a month's end for the "
            "calendar's features to vary, with train, validation and test rows of its own."
        )
        return findings, [note]


def _asks_for_more(error: Exception) -> bool:
    """Whether a model says that there are too few candles for it."""
    return isinstance(error, CandlecastError) and any(words in str(error) for words in _TOO_FEW)


def _not_audited(subject: str, error: Exception) -> Finding:
    reason = str(error) if isinstance(error, CandlecastError) else said(error)
    return Finding(subject, NOT_AUDITED, note=f"{subject} could not be audited: {reason}")


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
