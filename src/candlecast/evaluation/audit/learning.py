"""Whether a model learned from rows that it may not learn from, told by fitting it again."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.forecasts import numbers
from candlecast.evaluation.audit.futures import change_after, shuffle_after
from candlecast.evaluation.audit.look_ahead import UNSTEADY, last_read
from candlecast.evaluation.audit.parts import choices_on_test_rows
from candlecast.evaluation.audit.places import spread
from candlecast.evaluation.audit.wording import counted, listed, said
from candlecast.models.forecaster import Forecaster
from candlecast.splits import Split

Make = Callable[[], Forecaster]
"""Makes a fresh model, not fitted yet."""

Learned = dict[str, bytes]
"""What a model would save, by name, as bytes that can be compared."""

_UNSAVED = "What state() does not show"
_ASKED = {"train": 16, "validation": 16, "test": 128}  # origins at most in each part

_Relearn = Callable[[Candles], list[str]]
"""Fits anew and names what came out different."""


def learned(model: Forecaster) -> Learned:
    """What a fitted model would save."""
    state = model.state()
    document = {
        name: json.dumps(value, sort_keys=True, default=str).encode()
        for name, value in state.document.items()
    }
    arrays = {
        name: f"{array.dtype} {array.shape}".encode() + array.tobytes()
        for name, array in state.arrays.items()
    }
    return document | arrays


def shown(model: Forecaster, candles: Candles, split: Split) -> Learned:
    """What a fitted model forecasts in each part, which tells what it learned and does not save."""
    possible = model.origins(candles, range(len(candles)), known=False)
    inside = {part: possible[np.isin(possible, rows)] for part, rows in split.parts.items()}
    return {
        part: _forecasts(model, candles, spread(origins, _ASKED[part]))
        for part, origins in inside.items()
        if origins.size
    }


def _forecasts(model: Forecaster, candles: Candles, origins: NDArray[np.int64]) -> bytes:
    try:
        said_there = numbers(model.forecast(candles, origins))
    except Exception as error:  # of others' code, which may raise whatever it likes
        return said(error).encode()
    return np.where(np.isnan(said_there), np.nan, said_there).tobytes()


def audit_scalers(
    name: str, before: Learned, make: Make, candles: Candles, split: Split, seed: int
) -> list[Finding]:
    """Whether scalers are fitted on train rows; a model without any has no finding."""
    scalers = {key for key in before if "scaler" in key}
    if not scalers:
        return []
    subject, check = f"scalers of {name}", "fitting again with other rows after the train part"
    relearn = _relearning(before, scalers, make, split)
    leak, rows = _learned_after(relearn, candles, split.train.stop - 1, seed)
    if rows:
        leak = f"{leak} after the train part. Fit scalers on split.train only."
    return [Finding(subject, check, leak, rows)]


def audit_learning(
    name: str,
    before: Learned,
    forecasts: Learned,
    make: Make,
    candles: Candles,
    split: Split,
    seed: int,
) -> Finding:
    """Whether nothing at all is learned from the test rows.

    A model need not save all that it learned. So one that was fitted with other test rows must not
    only save the same; on the candles as they are it must forecast the same too.

    Args:
        name: The model's.
        before: What it would save.
        forecasts: What it forecasts on the candles in each part.
        make: Makes a fresh one.
        candles: Candles to try it on.
        split: Their parts.
        seed: Of the other test rows.
    """
    subject, check = f"what {name} learned", "fitting again with other test rows"
    choosing = choices_on_test_rows(split)
    if choosing is not None:
        return Finding(subject, check, choosing)

    def relearn(table: Candles) -> list[str]:
        again = make().fit(table, split)
        names = _differing(before, learned(again))
        if not names and _differing(forecasts, shown(again, candles, split)):
            return [_UNSAVED]
        return names

    origin = max(split.train.stop, split.validation.stop) - 1
    leak, rows = _learned_after(relearn, candles, origin, seed)
    if rows:
        leak = (
            f"{leak} after the validation part. Learn from split.train, choose by "
            "split.validation, and read nothing after."
        )
    return Finding(subject, check, leak, rows)


def audit_constancy(model: Forecaster, before: Learned) -> list[Finding]:
    """Whether a model that forecast since is still what it was; if it is, there is no finding."""
    moved = _differing(before, learned(model))
    if not moved:
        return []
    leak = f"{listed(moved)} changed while it only forecast. Learn in `fit` alone."
    return [Finding(f"what {model.name} learned", "forecasting", leak)]


def _relearning(before: Learned, keys: set[str], make: Make, split: Split) -> _Relearn:
    """A function that fits anew and says which of some things came out different."""

    def relearn(table: Candles) -> list[str]:
        again = learned(make().fit(table, split))
        return [key for key in _differing(before, again) if key in keys]

    return relearn


def _differing(first: Learned, second: Learned) -> list[str]:
    return sorted(key for key in first | second if first.get(key) != second.get(key))


def _learned_after(
    relearn: _Relearn, candles: Candles, origin: int, seed: int
) -> tuple[str | None, int]:
    """What was learned from rows after an origin, and from how many; or why that is not known."""
    for change in (change_after, shuffle_after):
        try:
            names = relearn(change(candles, origin, seed))
        except Exception as error:  # of others' code, which may raise whatever it likes
            return f"With other rows, fitting fails ({said(error)}): so it reads them.", 0
        if not names:
            continue
        if relearn(candles):
            return f"{listed(names)} {UNSTEADY}.", 0
        rows = _rows_learned_from(relearn, change, candles, origin, seed)
        return f"{listed(names)} learned from {counted(rows, 'row')}", rows
    return None, 0


def _rows_learned_from(
    relearn: _Relearn,
    change: Callable[[Candles, int, int], Candles],
    candles: Candles,
    origin: int,
    seed: int,
) -> int:
    """How many rows after an origin lie between it and the last that is learned from."""

    def depends(later: int) -> bool:
        return bool(relearn(change(candles, later, seed)))

    return last_read(depends, origin, len(candles) - 1) - origin
