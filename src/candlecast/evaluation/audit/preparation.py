"""Whether candles made of candles (resampled, filled, cleaned) hold what their label says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.futures import FUTURE, change_after, other_futures
from candlecast.evaluation.audit.look_ahead import last_read
from candlecast.evaluation.audit.places import rows_before_gaps, spread
from candlecast.evaluation.audit.wording import counted
from candlecast.intervals import interval_text

Prepare = Callable[[Candles], Candles]


def audit_resampling(
    candles: Candles,
    interval: timedelta,
    resample: Callable[[Candles, timedelta], Candles] = Candles.resample,
    *,
    seed: int = 0,
) -> Finding:
    """Whether coarser candles hold what their label says: see `audit_preparation`.

    Args:
        candles: Candles to try it on.
        interval: The coarser interval.
        resample: How they are made.
        seed: Of the other futures.
    """

    def prepare(table: Candles) -> Candles:
        return resample(table, interval)

    subject = f"resampling to {interval_text(interval)}"
    return audit_preparation(candles, prepare, subject=subject, seed=seed)


def audit_preparation(
    candles: Candles, prepare: Prepare, *, subject: str = "preparation", seed: int = 0
) -> Finding:
    """Whether each prepared candle is known at its open time + its interval, as a candle must be.

    It catches a label at the wrong edge (too early shows the future, too late hides the present),
    and a gap that was filled from behind it.

    Args:
        candles: Candles to try it on.
        prepare: Whatever makes candles of candles: resampling, filling, cleaning.
        subject: What it is called in the finding.
        seed: Of the other futures.

    Raises:
        InputError: If it leaves no candle.
    """
    prepared = prepare(candles)
    if not len(prepared):
        raise InputError(f"{subject} leaves none of {len(candles)} candles. Give more candles.")
    reach = [
        (_rows_too_far(candles, prepared, row, prepare, seed), row)
        for row in _rows_to_try(candles, prepared)
    ]
    ahead, row = max(reach)
    behind, late_row = min(reach)
    check = f"{FUTURE} each candle's close"
    if ahead > 0:
        leak = (
            f"The candle labelled {_label(prepared, row)} is known at its close, and yet it holds "
            f"{counted(ahead, 'row')} ({interval_text(ahead * candles.interval)}) from after it. "
            "Label candles by their open time, close buckets on the left, fill gaps forward only."
        )
        return Finding(subject, check, leak, ahead)
    if behind < 0:
        leak = (
            f"The candle labelled {_label(prepared, late_row)} ends {counted(-behind, 'row')} "
            f"({interval_text(-behind * candles.interval)}) before its close: the label stands at "
            "the wrong edge. Label candles by their open time."
        )
        return Finding(subject, check, leak, -behind)
    return Finding(subject, check)


def _rows_to_try(candles: Candles, prepared: Candles) -> list[int]:
    """Some prepared candles between the ends, and those about the first, a middle and last gap."""
    times = candles.frame["time"][spread(rows_before_gaps(candles), 3)]
    last = len(prepared) - 1
    between = np.linspace(0, last, 8).astype(np.int64)[:-1]
    places = prepared.frame["time"].search_sorted(times, side="right").to_numpy()
    about = places[:, None].astype(np.int64) + np.arange(-1, 3)
    tried = np.unique(np.concatenate([between, between + 1, about.ravel()]))
    return [int(row) for row in tried if 0 <= row <= last]


def _rows_too_far(
    candles: Candles, prepared: Candles, row: int, prepare: Prepare, seed: int
) -> int:
    """How many rows a prepared candle reads after its close; below 0 if it ends before its close.

    A candle of a gap ends before its close by nature, as does one whose last row is missing: 0.
    """
    closes = candles.frame["time"].to_physical().to_numpy() + _microseconds(candles.interval)
    close = int(prepared.frame["time"].to_physical()[row]) + _microseconds(prepared.interval)
    origin = int(np.searchsorted(closes, close, side="right")) - 1
    truth = prepared.frame[row]

    def moved(table: Candles) -> bool:
        found = prepare(table).frame.filter(pl.col("time") == truth["time"][0])
        return not (found.is_empty() or found.equals(truth))

    def depends(later: int) -> bool:
        return moved(change_after(candles, later, seed))

    last = len(candles) - 1
    read = last_read(depends, -1, last)
    if read > origin:
        return read - origin
    futures = other_futures(candles, origin, seed).values() if 0 <= origin < last else ()
    if any(moved(table) for table in futures):
        return 1
    ends_early = read < origin and origin >= 0 and closes[origin] == close
    return read - origin if ends_early else 0


def _microseconds(interval: timedelta) -> int:
    return interval // timedelta(microseconds=1)


def _label(prepared: Candles, row: int) -> str:
    return f"{prepared.frame['time'][row]:%Y-%m-%d %H:%M}"
