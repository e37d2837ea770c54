"""Frames that the user holds already: Polars as it is, pandas made Polars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from candlecast.candles import series_from_pandas
from candlecast.checks import check_columns
from candlecast.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def polars_frame(frame: pl.DataFrame | pd.DataFrame) -> pl.DataFrame:
    """A frame as Polars; the index of a pandas frame becomes a column if it has a name or times.

    Raises:
        InputError: If it is no frame, or one that cannot be made Polars.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if not hasattr(frame, "reset_index") or not hasattr(frame, "columns"):
        raise InputError(
            f"candles are read from a path or a Polars or pandas frame, not {type(frame).__name__}."
        )
    table = _with_index(frame)
    names = [str(name) for name in table.columns]
    check_columns((), names)
    return pl.DataFrame(
        [series_from_pandas(name, table.iloc[:, place]) for place, name in enumerate(names)]
    )


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    name = None if frame.index.name is None else str(frame.index.name)
    if name is None and str(frame.index.dtype).startswith("datetime64"):
        name = "time"
    return frame if name is None or name in frame else frame.rename_axis(index=name).reset_index()
