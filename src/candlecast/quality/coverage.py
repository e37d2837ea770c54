"""A picture of which candles are there: a line of blocks a month or a year."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

_BLOCKS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_LONG = timedelta(days=36 * 31)


def coverage(times: pl.Series, interval: timedelta) -> list[dict[str, Any]]:
    """The part of its candles that each day has, or each month where there are many.

    Args:
        times: Open times, sorted, each once.
        interval: From one open to the next.

    Returns:
        For each stretch from the first to the last candle its `start`, `part` (0 to 1) and `by`,
        ``day`` or ``month``. The first and last stretch count from and to the candles.
    """
    first, last = times[0], times[-1]
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    every = "1mo" if last - first > _LONG or interval >= timedelta(days=1) else "1d"
    found = times.to_frame("time").group_by(start=pl.col("time").dt.truncate(every)).agg(pl.len())
    edge = pl.Series([first]).dt.truncate(every)[0]
    starts = pl.datetime_range(edge, last, every, time_unit="us", eager=True).alias("start")
    table = starts.to_frame().join(found, on="start", how="left", maintain_order="left")
    step = interval / timedelta(microseconds=1)
    begin = pl.max_horizontal("start", pl.lit(first))
    end = pl.min_horizontal(
        pl.col("start").dt.offset_by(every), pl.lit(last + interval).cast(starts.dtype)
    )
    whole = ((end - begin).dt.total_microseconds() / step).round().clip(lower_bound=1)
    parts = table.select(
        "start",
        part=(pl.col("len").fill_null(0) / whole).clip(upper_bound=1.0),
        by=pl.lit("month" if every == "1mo" else "day"),
    )
    return parts.to_dicts()


def picture(stretches: list[dict[str, Any]]) -> list[str]:
    """The coverage as lines of text, a month of days or a year of months each."""
    if not stretches:
        return []
    by_month = stretches[0]["by"] == "month"
    lines: dict[str, list[dict[str, Any]]] = {}
    for each in stretches:
        lines.setdefault(
            f"{each['start']:%Y}" if by_month else f"{each['start']:%Y-%m}", []
        ).append(each)
    return [_line(name, row, 12 if by_month else 31) for name, row in lines.items()]


def _line(name: str, row: list[dict[str, Any]], width: int) -> str:
    start = row[0]["start"]
    before = (start.month if width == 12 else start.day) - 1
    blocks = " " * before + "".join(_block(each["part"]) for each in row)
    part = sum(each["part"] for each in row) / len(row)
    return f"{name}  {blocks:<{width}}  {_percent(part)}"


def _block(part: float) -> str:
    """A full block only where nothing is missing."""
    if part <= 0:
        return _NONE
    return _BLOCKS[-1] if part >= 1 else _BLOCKS[min(int(part * 8), 6)]


def _percent(part: float) -> str:
    """Never rounded up to 100 %."""
    return "100 %" if part >= 1 else f"{min(part * 100, 99.9):.1f} %"
