"""`Rows`: raw candles as they stand in files, each row knowing where it came from."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import polars as pl


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
