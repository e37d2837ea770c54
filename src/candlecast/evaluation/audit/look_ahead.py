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
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.futures import FUTURE, other_future, other_futures
from candlecast.evaluation.audit.wording import NOT_AUDITED, counted, said

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


@dataclass(frozen=True)
class NotAudited:
    """Why nothing could be tried: what was to be held against other futures is not to be had."""

    reason: str


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
) -> LookAhead | NotAudited | None:
    """Find by how many rows something looks ahead.

    Code that fails without what comes after an origin may need that, or only more rows than the
    past has there. So of failures only that at the last origin counts, where the past is longest.
    An origin is left out if what is known there cannot be computed from the candles as they are.

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
    was_tried, failure = False, None
    reason = "there is no row after which the future could be changed"
    for origin in origins:
        try:
            truth = {alone: known(candles, origin, alone) for alone in (False, True)}
            again = known(candles, origin, True)
        except Exception as error:  # of others' code, which may raise whatever it likes
            reason = said(error)
            continue
        if first_difference(truth[True], again) is not None:
            return LookAhead(0, UNSTEADY)
        was_tried, failure = True, None
        for way, table in other_futures(candles, origin, seed).items():
            alone = way == "deleted"
            try:
                place = first_difference(truth[alone], known(table, origin, alone))
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
    return None if was_tried else NotAudited(reason)


def look_ahead_finding(
    subject: str,
    found: LookAhead | NotAudited | None,
    beginning: str,
    advice: str = "",
    check: str = FUTURE,
) -> Finding:
    """What was found of a look ahead, as a finding.

    Args:
        subject: What was checked.
        found: What was found.
        beginning: The subject of the sentence that tells a leak.
        advice: A sentence that follows it.
        check: What was tried, in words.
    """
    if found is None:
        return Finding(subject, check)
    if isinstance(found, NotAudited):
        note = f"The {subject} could not be audited: {found.reason}"
        return Finding(subject, NOT_AUDITED, note=note)
    return Finding(subject, check, f"{beginning} {found.proof}. {advice}".rstrip(), found.rows)


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


def first_difference(before: NDArray[Any], after: NDArray[Any]) -> int | None:
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
            value = known(other_future(candles, later, way, seed), origin, alone)
        except Exception:  # it needs what is not there
            return True
        return first_difference(truth, value[place : place + 1]) is not None

    last = last_read(depends, origin, len(candles) - 1)
    ahead = last - int(rows(origin)[place])
    if last == len(candles) - 1:
        return LookAhead(ahead, f"looks ahead to the very last row ({counted(ahead, 'row')})")
    return LookAhead(ahead, f"looks {counted(ahead, 'row')} ahead")
