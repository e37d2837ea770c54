"""Where the folds of a walk-forward lie: each trains on the past and tests what follows.

    fold 1   ├───── train ─────┤ validation ┤ test ┤
    fold 2   ├───── train ───────────┤ validation ┤ test ┤           (expanding)
    fold 2            ├───── train ─────┤ validation ┤ test ┤        (rolling)

A window lies wholly inside one part (see `candlecast.windows`), which keeps the parts apart by
itself. The *purge*: the last origins of the train and the validation part, as many as the longest
horizon, have targets beyond it and are left out. The *embargo*: a part's first origin comes when
its lookback is full. So the test part starts one lookback (less one row) before the first candle
that is tested, and ends one horizon after the last; no model learned from these rows, and not one
candle is lost to the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.intervals import parse_interval
from candlecast.recipe import Recipe, WalkForwardSettings
from candlecast.splits import Split


@dataclass(frozen=True)
class Fold:
    """One refit and what it is tested on.

    Attributes:
        number: Counted from 1.
        split: The parts; the test part begins with the lookback of its first origin and ends with
            the targets of its last.
        tested: The rows that may be origins of the test, each in one fold and no other.
    """

    number: int
    split: Split
    tested: range

    @property
    def parts(self) -> dict[str, range]:
        """The rows that train, that validate, and that are tested, by name."""
        return self.split.parts | {"test": self.tested}

    def among(self, origins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some origins that this fold tests."""
        return origins[(origins >= self.tested.start) & (origins < self.tested.stop)]


def plan_folds(candles: Candles, recipe: Recipe) -> list[Fold]:
    """Lay out the folds of a recipe's walk-forward; nothing is computed but row numbers.

    Args:
        candles: The candles.
        recipe: Its `walkforward`, `windows.lookback`, `horizons` and `split.embargo` count.

    Returns:
        The folds in time order. The last may be shorter; where the candles end before its first
        target, it is left out.

    Raises:
        InputError: If the candles do not span the first training and one fold, or a part is too
            short for one window.
    """
    settings = recipe.walkforward
    times = candles.frame["time"]
    lookback, horizon = recipe.windows.lookback, max(recipe.horizons)
    start = _first_test(candles, settings)
    edges = [row for row in _edges(candles, start, settings) if row < len(candles)] + [len(candles)]
    folds: list[Fold] = []
    for first, stop in pairwise(edges):
        begin = 0
        if settings.window == "rolling":
            oldest = times[first] - parse_interval(settings.first_train)
            begin = int(times.search_sorted(oldest))
        inputs = first - (lookback - 1)
        learned = range(begin, max(inputs - recipe.split.embargo, begin))
        cut = learned.stop - int(len(learned) * settings.validation)
        split = Split(
            train=range(begin, max(cut - recipe.split.embargo, begin)),
            validation=range(cut, learned.stop),
            test=range(inputs, min(stop + horizon, len(candles))),
        )
        if first + horizon < len(candles):
            folds.append(Fold(len(folds) + 1, split, range(first, stop)))
    _check(folds, candles, settings, lookback + horizon)
    return folds


def _first_test(candles: Candles, settings: WalkForwardSettings) -> datetime:
    """The open time of the first candle that may be an origin."""
    if settings.start is not None:
        return settings.start
    earliest = candles.first + parse_interval(settings.first_train)
    if settings.refit != "month":
        return earliest
    month = earliest.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month if month >= earliest else (month + timedelta(days=32)).replace(day=1)


def _edges(candles: Candles, start: datetime, settings: WalkForwardSettings) -> list[int]:
    """The first row of each fold's test."""
    times = candles.frame["time"]
    first = int(times.search_sorted(start))
    if settings.refit != "month":
        return list(range(first, len(candles), settings.refit))
    month = times[first:].dt.truncate("1mo").to_physical().to_numpy()
    return [first, *(first + 1 + np.flatnonzero(np.diff(month))).tolist()]


def _check(folds: list[Fold], candles: Candles, settings: WalkForwardSettings, window: int) -> None:
    if not folds:
        start = f"from {settings.start} on" if settings.start else f"after {settings.first_train}"
        raise InputError(
            f"there is nothing left to test {start}, a horizon's targets included: {candles!r}. "
            "Give more candles, an earlier walkforward.start, or a shorter walkforward.first_train."
        )
    for name, part in folds[0].split.parts.items():
        if len(part) < window:
            raise InputError(
                f"fold 1's {name} part has {len(part)} rows and one window needs {window}. Give "
                "more candles, or a longer walkforward.first_train."
            )


def how_apart(recipe: Recipe) -> str:
    """How the parts of each fold are kept apart, in words."""
    horizon, between = max(recipe.horizons), recipe.windows.lookback - 1 + recipe.split.embargo
    return (
        f"Purge: the last {horizon} origins of the train and the validation part have targets "
        "beyond it and are left out. "
        "Embargo: between the last target of a part and the first origin of the next lie "
        f"{between} rows, and what they hold is read as input alone."
    )


def plan_table(candles: Candles, folds: list[Fold]) -> pl.DataFrame:
    """The plan as a table: the first and last candle of each part, and its rows.

    A part without rows (a rolling window over a long gap) has no first and no last.
    """
    times = candles.frame["time"]
    table = []
    for fold in folds:
        row: dict[str, Any] = {"fold": fold.number}
        for name, rows in fold.parts.items():
            row[f"{name}_first"] = times[rows.start] if rows else None
            row[f"{name}_last"] = times[rows.stop - 1] if rows else None
            row[f"{name}_rows"] = len(rows)
        table.append(row)
    return pl.DataFrame(table, infer_schema_length=None)
