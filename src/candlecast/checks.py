"""Checks that several rooms make of a table or a list, each with its one message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import polars as pl

from candlecast.errors import CandleError

T = TypeVar("T")


def first_repeated(values: Sequence[T]) -> T | None:
    """The first value that stood there before; None if all are different."""
    return next((value for place, value in enumerate(values) if value in values[:place]), None)


def check_columns(needed: Iterable[str], present: Sequence[str]) -> None:
    """Raise a `CandleError` for a column that stands twice or is missing."""
    repeated = first_repeated(present)
    if repeated is not None:
        raise CandleError(f"column '{repeated}' stands twice", "Keep one of them.")
    lacking = [name for name in needed if name not in present]
    if lacking:
        raise CandleError(
            f"missing column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}",
            f"The columns are {', '.join(present)}.",
        )


def first_true(mask: pl.Series) -> int | None:
    """The first row where a mask is true; None if there is none. Null counts as not true."""
    rows = mask.arg_true()
    return None if rows.is_empty() else int(rows[0])
