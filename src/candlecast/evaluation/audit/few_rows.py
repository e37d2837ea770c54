"""Where a feature looks ahead at a few rows only, which those tried first are likely to miss.

A feature is cheap to compute, so many more futures are tried on it than on a model. If it looks
back over few rows, rows far enough apart are changed all at once: whatever moves before one of
them, and is too far from the last for its past to have moved it, is suspected. So every row is
tried in a few hundred computations. What is suspected is then proven with a whole other future,
and so are rows that stand out: those without trades, with a price that stands still or no value,
at a gap, at the extremes, and one for each minute of the hour, hour of the day and day of the week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit.futures import change_after
from candlecast.evaluation.audit.look_ahead import first_difference
from candlecast.evaluation.audit.places import rows_before_gaps, spread

_FARTHEST_AHEAD = 32  # rows; who looks farther ahead is seen from as many origins
_PROVEN = 4  # origins are enough
_SUSPECTED = 24  # rows are tried, since rounding moves some that are innocent

Column = Callable[[Candles], Floats]
"""A feature's value for each candle."""


@dataclass(frozen=True)
class FewRows:
    """Where a feature was found to look ahead.

    Attributes:
        origins: Rows after which another future moves it, rising; not all there are.
        tried: After how many rows the future was changed.
        every_row: Whether each row was tried against changes up to 32 rows ahead.
    """

    origins: list[int]
    tried: int
    every_row: bool


class Mixture:
    """The candles with any of their rows changed as `change_after` changes them."""

    def __init__(self, candles: Candles, seed: int) -> None:
        self._candles = candles
        self._rows = np.arange(len(candles))
        self._both = pl.concat([candles.frame, change_after(candles, -1, seed).frame])

    def changed(self, rows: NDArray[np.bool_]) -> Candles:
        """The candles with other values in some rows; a mask of shape [rows]."""
        table = self._both[self._rows + len(rows) * rows]
        return Candles(table, self._candles.symbol, self._candles.interval)

    def changed_after(self, origin: int) -> Candles:
        """The candles with other values after a row."""
        return self.changed(self._rows > origin)


def find_few_rows(
    column: Column, values: Floats, mixture: Mixture, origins: Sequence[int], most: int
) -> FewRows:
    """Search for rows at which a feature looks ahead.

    Args:
        column: The feature.
        values: What it is on the candles as they are.
        mixture: The candles.
        origins: The rows to change all after, the most telling first.
        most: How many computations may be spent, about.
    """
    suspected, every_row = _suspected(column, values, mixture, most // 2)
    single = most // 4 if every_row else most * 3 // 4
    proven: list[int] = []
    tried = dict.fromkeys([*spread(suspected, _SUSPECTED).tolist(), *origins[:single]])
    for origin in tried:
        later = _computed(column, mixture.changed_after(origin))
        known = slice(origin + 1)
        if later is not None and first_difference(values[known], later[known]) is not None:
            proven.append(origin)
        if len(proven) == _PROVEN:
            break
    return FewRows(sorted(proven), len(tried), every_row)


def telling_rows(candles: Candles, values: Floats, seed: int) -> list[int]:
    """The rows to change the future after, the most telling of each kind first."""
    rng = np.random.default_rng(seed)
    close, volume = candles.frame["close"].to_numpy(), candles.frame["volume"].to_numpy()
    edges = rows_before_gaps(candles)
    unknown = candles.frame.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    standing = [
        np.flatnonzero(np.isnan(values)),
        np.flatnonzero(volume == 0),
        np.flatnonzero(volume == 0) - 1,
        np.flatnonzero(unknown),
        np.concatenate([edges, edges + 1, edges - 1]),
        np.flatnonzero(np.diff(close, prepend=np.nan) == 0),
        np.flatnonzero((candles.frame["high"] == candles.frame["low"]).to_numpy()),
        np.flatnonzero(np.diff(values, prepend=np.nan) == 0),
        _extremes(candles),
    ]
    drawn = rng.permutation(len(candles))
    exceptional = _in_turn(rng.permutation(rows).tolist() for rows in standing)
    times = _one_of_each_time(candles, drawn)
    rows = _in_turn([times[::2], exceptional, times[1::2], drawn.tolist()])
    return [row for row in rows if 0 <= row < len(candles) - 1]


def _suspected(
    column: Column, values: Floats, mixture: Mixture, most: int
) -> tuple[NDArray[np.int64], bool]:
    """Rows that moved though only later ones were changed, or ones too long ago to matter."""
    rows = np.arange(len(values))
    none = np.empty(0, dtype=np.int64)
    if most < 2 * _FARTHEST_AHEAD or len(rows) < 8:
        return none, False
    moved_early, reach = [none], 0
    for row in (len(rows) * np.array([1, 3, 5]) // 8).tolist():
        moved = _moved(column, values, mixture.changed(rows == row))
        moved_early.append(moved[moved < row])
        reach = max(reach, int(moved.max(initial=row)) - row)
    apart = reach + 1 + _FARTHEST_AHEAD
    if apart > most or apart >= len(rows):
        return np.unique(np.concatenate(moved_early)), False
    for phase in range(apart):
        moved = _moved(column, values, mixture.changed(rows % apart == phase))
        since = (moved - phase) % apart
        is_recent = (since <= reach) & (moved >= phase)
        moved_early.append(moved[~is_recent])
    return np.unique(np.concatenate(moved_early)), True


def _moved(column: Column, values: Floats, candles: Candles) -> NDArray[np.int64]:
    """The rows whose value is another on other candles, by more than rounding."""
    others = _computed(column, candles)
    if others is None or others.shape != values.shape:
        return np.empty(0, dtype=np.int64)
    finite = np.abs(values[np.isfinite(values)])
    rounding = 1e-12 * finite.max(initial=0.0)
    return np.flatnonzero(~np.isclose(values, others, rtol=1e-9, atol=rounding, equal_nan=True))


def _computed(column: Column, candles: Candles) -> Floats | None:
    try:
        return column(candles)
    except Exception:  # of others' code; that it fails is judged where the past is longest
        return None


def _extremes(candles: Candles) -> NDArray[np.int64]:
    """The rows that hold the least or most of a column."""
    columns = [column.to_numpy() for column in candles.frame if column.dtype.is_numeric()]
    found = [(values.argmin(), values.argmax()) for values in columns]
    return np.unique(np.array(found, dtype=np.int64))


def _one_of_each_time(candles: Candles, drawn: NDArray[np.int64]) -> list[int]:
    """A row for each minute of the hour, hour of the day and day of the week that there is."""
    time = candles.frame["time"][drawn]
    times = (time.dt.minute(), time.dt.hour(), time.dt.weekday())
    return [int(drawn[place]) for each in times for place in each.arg_unique()]


def _in_turn(groups: Iterable[Sequence[int]]) -> list[int]:
    """The first of each group, then the second of each, and so on; none twice."""
    rounds = chain.from_iterable(zip_longest(*groups))
    return list(dict.fromkeys(row for row in rounds if row is not None))
