"""Several files' raw rows laid end to end, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from candlecast.checks import first_true
from candlecast.quality.rows import Rows
from candlecast.sources.raw import Raw


@dataclass(frozen=True)
class Part:
    """One file's rows.

    Attributes:
        place: What errors call the file.
        unit: What its rows are counted in, ``line`` or ``row``.
        first: The number of its first row.
        raw: What its layout's module found.
    """

    place: str
    unit: str
    first: int
    raw: Raw


def joined(parts: Sequence[Part], symbol: str) -> Rows:
    """Lay the rows of files end to end, oldest first."""
    frames: list[pl.DataFrame] = []
    places: list[tuple[int, str, str, int]] = []
    orders: list[str] = []
    unsorted: int | None = None
    start = 0
    for part in parts:
        frame = part.raw.frame.with_row_index("row", offset=start)
        order, wrong = _order(frame["time"])
        orders.append(order)
        if wrong is not None and unsorted is None:
            unsorted = start + wrong
        frames.append(frame.reverse() if order == "newest first" else frame)
        places.append((start, part.place, part.unit, part.first))
        start += frame.height
    frames.sort(key=lambda frame: frame["time"][0])
    raws = [part.raw for part in parts]
    return Rows(
        frame=frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed"),
        parts=tuple(places),
        symbol=symbol,
        layouts=_each_once(raw.layout for raw in raws),
        units=_each_once(unit for raw in raws for unit in raw.unit.split(", ")),
        notes=_each_once(f"{part.place}: {note}" for part in parts for note in part.raw.notes),
        order=", ".join(_each_once(orders)),
        unsorted=unsorted,
    )


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _order(times: pl.Series) -> tuple[str, int | None]:
    """Which way times run, and the first row that does not."""
    if times.is_sorted():
        return "oldest first", None
    if times.is_sorted(descending=True):
        return "newest first", None
    step = times.diff().to_physical()
    direction = next((each for each in (step[1], step[2] if len(step) > 2 else 0) if each), 1)
    return "mixed", first_true(step < 0 if direction > 0 else step > 0)
