"""A page of an exchange's answer as a table: typed, sorted, each candle once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from candlecast.candles import TIME
from candlecast.checks import first_true
from candlecast.fetching.retries import PassingError

_EARLIEST_MS = 1_230_768_000_000  # 2009: before it no coin was traded
_LATEST_MS = 4_102_444_800_000  # 2100: no candle of it is closed

_ASK_THE_ADDRESS = "Is the address right, or is a proxy or a login page in between?"


def page_table(rows: object, columns: Mapping[str, int], who: str) -> pl.DataFrame:
    """The candles of one page, sorted, each once; `time` and the columns that are asked for.

    Args:
        rows: What was decoded: a list of lists, open time in milliseconds first.
        columns: Where each column but the time stands in a row, counted from 0.
        who: Who answered, for messages.

    Raises:
        PassingError: If these are no candles, or two of them contradict each other.
    """
    if not isinstance(rows, list):
        raise PassingError(f"{who} answered with something else than candles", _ASK_THE_ADDRESS)
    cells: dict[str, list[float]] = {name: [] for name in columns}
    times = []
    fields = max(columns.values()) + 1
    for row in rows:
        times.append(_time_ms(row, fields, who))
        for name, place in columns.items():
            cells[name].append(_number(row[place], name, who))
    table = pl.DataFrame(
        {"time": times, **cells},
        schema={"time": pl.Int64, **dict.fromkeys(columns, pl.Float64)},
    ).with_columns(pl.from_epoch("time", "ms").dt.replace_time_zone("UTC").cast(TIME))
    table = table.unique().sort("time")
    twice = first_true(table["time"].diff() == timedelta(0))
    if twice is not None:
        raise PassingError(
            f"{who} gave two different candles for {table['time'][twice]:%Y-%m-%d %H:%M} UTC",
            "Try again later.",
        )
    return table


def _time_ms(row: object, fields: int, who: str) -> int:
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) < fields:
        raise PassingError(f"{who} answered with something else than candles", _ASK_THE_ADDRESS)
    time = row[0]
    if not isinstance(time, int) or not _EARLIEST_MS <= time < _LATEST_MS:
        raise PassingError(
            f"{who} gave {str(time)[:40]!r} as an open time, which is not in milliseconds",
            _ASK_THE_ADDRESS,
        )
    return time


def _number(cell: object, name: str, who: str) -> float:
    try:
        return float(cell) if isinstance(cell, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        raise PassingError(f"{who} gave {str(cell)[:40]!r} as {name}", _ASK_THE_ADDRESS) from None
