"""Several files' raw rows laid end to end, oldest first, each knowing where it came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from candlecast.checks import first_true
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


@dataclass(frozen=True)
class Rows:
    """The raw rows of a series.

    Attributes:
        frame: The files' columns and `row`, the row's number over all files. Each file stands
            oldest first unless it is unsorted, and the files by their first time.
        parts: Where the rows came from, in the order of `row`, with each part's first `row`.
        symbol: The market.
        order: ``oldest first``, ``newest first``, ``mixed`` or, for several files, all of these.
        unsorted: The first `row` that breaks its file's order; None if none does.
    """

    frame: pl.DataFrame
    parts: tuple[tuple[int, str, str, int], ...]
    symbol: str
    layouts: tuple[str, ...]
    units: tuple[str, ...]
    notes: tuple[str, ...]
    order: str
    unsorted: int | None

    def place(self, row: int | None) -> str:
        """Where a row stands, such as ``prices.csv, line 12: ``."""
        if row is None:
            return f"{self.name}: "
        start, place, unit, first = self.parts[bisect_right(self.parts, row, key=_start) - 1]
        return f"{place}, {unit} {first + row - start}: "

    @property
    def name(self) -> str:
        """The first file, and how many more."""
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return self.parts[0][1] + more


def _start(part: tuple[int, str, str, int]) -> int:
    return part[0]


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
