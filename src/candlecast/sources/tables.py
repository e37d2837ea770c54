"""`Table`: one file opened as columns, before its layout is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import polars as pl

TIMES = ("time", "unix", "date", "close_time")
TEXTS = ("symbol", "closed")

NOT_KNOWN = ("", "null", "none", "n/a")
"""Words that stand for a value that is not known, in small letters."""


class Table(Protocol):
    """What CSV, Parquet, Arrow and JSON files have alike."""

    @property
    def form(self) -> str:
        """``CSV``, ``Parquet``, ``Arrow``, ``JSON`` or ``frame``."""
        ...

    @property
    def columns(self) -> list[str]:
        """The columns' names; empty if the file names none."""
        ...

    @property
    def head(self) -> list[list[str]]:
        """The cells of the first rows as text."""
        ...

    @property
    def first(self) -> tuple[str, int]:
        """Where the first row stands, such as ``("line", 2)``."""
        ...

    def typed(self, roles: Mapping[str, int]) -> pl.DataFrame:
        """The columns at these places, each under its role's name and in its type.

        Prices, volumes and counts are Float64 or Int64; times stay as they are written (text,
        numbers or date-times); the rest is text. A value that the file says it does not know is
        null, which the rules of a candle judge.

        Raises:
            CandleError: If a cell is no number, a time is missing, or a line is cut short.
        """
        ...
