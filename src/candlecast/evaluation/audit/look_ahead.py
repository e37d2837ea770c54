"""By how many rows something looks ahead.

What is known at a row cannot depend on what comes after it. So whatever is computed for the rows up
to it must come out the same, to the bit, from candles with another future; and what does not tells
how far it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.evaluation.audit.futures import other_futures
from candlecast.evaluation.audit.wording import counted, said

UNSTEADY = "comes out different each time, so nothing can be proven: seed its randomness"
"""The end of a sentence whose subject is what cannot be audited."""

Known = Callable[[Candles, int, bool], NDArray[Any]]
"""What is known at an origin, computed from candles that reach at least so far; one entry a row.

The last argument says that nothing after the origin may be asked for, since it may not be there.
"""


@dataclass(frozen=True)
class LookAhead:
    """Proof that something reads what comes after its own row, or that no proof can be had.

    Attributes:
        rows: How many rows after its own the last one is that it reads.
        proof: The end of a sentence whose subject is what looks ahead.
    """

    rows: int
    proof: str


class _Move(NamedTuple):
    """An entry that another future changed, and by how many rows it looks ahead at least."""

    least: int
    origin: int
    place: int
    way: str


def find_look_ahead(
    known: Known,
    rows: Callable[[int], NDArray[np.int64]],
    candles: Candles,
    origins: Sequence[int],
    seed: int = 0,
) -> LookAhead | None:
    """Find by how many rows something looks ahead.

    Args:
        known: What is known at an origin.
        rows: The rows, rising and none after the origin, that its entries belong to.
        candles: The candles.
        origins: The rows after which the future is changed, rising.
        seed: Of the other futures.

    Returns:
        The longest look ahead, or None if nothing moved.
    """
    moves: list[_Move] = []
    failure = None
    for origin in origins:
        try:
            truth = {alone: known(candles, origin, alone) for alone in (False, True)}
            again = known(candles, origin, True)
        except Exception as error:  # of others' code, which may raise whatever it likes
            failure = failure or said(error)
            continue
        if _first_difference(truth[True], again) is not None:
            return LookAhead(0, UNSTEADY)
        for way, table in other_futures(candles, origin, seed).items():
            alone = way == "deleted"
            try:
                place = _first_difference(truth[alone], known(table, origin, alone))
            except Exception as error:  # likewise
                failure = failure or said(error)
                continue
            if place is not None:
                least = origin + 1 - int(rows(origin)[place])
                moves.append(_Move(least, origin, place, way))
    if moves:
        # Of equals the first: from the last origins any look ahead would seem to go to the end.
        farthest = max(moves, key=lambda move: move.least)
        return _measured(known, rows, candles, farthest, seed)
    if failure is not None:
        return LookAhead(1, f"needs what comes after its row: without that it fails ({failure})")
    return None


def all_rows(origin: int) -> NDArray[np.int64]:
    """The rows of what has an entry for each one up to the origin."""
    return np.arange(origin + 1)


def last_read(depends: Callable[[int], bool], first: int, last: int) -> int:
    """The last row that something reads, found by halving.

    Args:
        depends: Whether it depends on any row after the one given.
        first: A row after which it does.
        last: The last row that there is.
    """
    while first + 1 < last:
        middle = (first + last) // 2
        if depends(middle):
            first = middle
        else:
            last = middle
    return last


def _first_difference(before: NDArray[Any], after: NDArray[Any]) -> int | None:
    """The first entry along the first axis that differs by a bit; None if all are the same.

    Any two NaN count as the same. Arrays of different shapes differ from the start.
    """
    if before.shape != after.shape:
        return 0
    if not before.size:
        return None
    places = np.flatnonzero((_bits(before) != _bits(after)).any(axis=1))
    return int(places[0]) if places.size else None


def _bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes of each entry, every NaN written alike; shape [entries, bytes]."""
    if np.issubdtype(values.dtype, np.floating):
        values = np.where(np.isnan(values), np.asarray(np.nan, values.dtype), values)
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _measured(
    known: Known,
    rows: Callable[[int], NDArray[np.int64]],
    candles: Candles,
    move: _Move,
    seed: int,
) -> LookAhead:
    """How far the entry that moved looks."""
    _, origin, place, way = move
    alone = way == "deleted"
    truth = known(candles, origin, alone)[place : place + 1]

    def depends(later: int) -> bool:
        try:
            value = known(other_futures(candles, later, seed)[way], origin, alone)
        except Exception:  # it needs what is not there
            return True
        return _first_difference(truth, value[place : place + 1]) is not None

    last = last_read(depends, origin, len(candles) - 1)
    ahead = last - int(rows(origin)[place])
    if last == len(candles) - 1:
        return LookAhead(ahead, f"looks ahead to the very last row ({counted(ahead, 'row')})")
    return LookAhead(ahead, f"looks {counted(ahead, 'row')} ahead")
