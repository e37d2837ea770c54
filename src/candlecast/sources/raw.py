"""`Raw`: the rows of one file as they stand in it, in our columns and types, nothing repaired."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

BESIDE = ("close_time", "closed")
"""What a file may say of a candle beside its values: when it closed, and whether it has."""


@dataclass(frozen=True)
class Raw:
    """What one layout's module found.

    Attributes:
        frame: `time`, `open`, `high`, `low`, `close`, `volume` and, where the file has them, the
            other columns of `Candles` and those of `BESIDE`. Rows in the file's own order; values
            may be impossible, doubled or unsorted.
        layout: The layout's name, for people.
        unit: What the open times were written in, such as ``milliseconds`` or ``text``.
        symbol: The market, where the rows name it.
        notes: What the user should know about how it was read.
    """

    frame: pl.DataFrame
    layout: str
    unit: str
    symbol: str | None = None
    notes: tuple[str, ...] = ()
