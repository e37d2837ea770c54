"""`align`: several markets side by side on one clock, nothing filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from candlecast.candles import TIME, Candles
from candlecast.errors import InputError
from candlecast.intervals import interval_text


def align(series: Mapping[str, Candles]) -> pl.LazyFrame:
    """Several markets on one clock: a row for every open time from the first to the last of all.

    A candle that a market lacks is null in its columns, before its first and after its last candle
    too: no value is carried forward, and none comes from the future. What is to be done about a
    missing candle is the reader's to say (``drop_nulls``, ``forward_fill``).

    Args:
        series: Candles by the name that their columns get, all of one interval.

    Returns:
        `time` and for each market its columns as `NAME:open`, `NAME:high` and so on, in order of
        time. Nothing is computed before it is collected.

    Raises:
        InputError: If there are no markets, one has no candles, or their clocks differ.
    """
    markets = {name: candles for name, candles in series.items() if len(candles)}
    if len(markets) < len(series) or not markets:
        empty = ", ".join(name for name in series if name not in markets) or "nothing"
        raise InputError(f"there are no candles to align of {empty}. Leave it out, or give some.")
    interval = _common_interval(markets)
    first = min(candles.first for candles in markets.values())
    last = max(candles.last for candles in markets.values())
    clock = pl.LazyFrame().select(
        pl.datetime_range(first, last, interval, time_unit="us").cast(TIME).alias("time")
    )
    for name, candles in markets.items():
        own = candles.frame.lazy().select("time", pl.exclude("time").name.prefix(f"{name}:"))
        clock = clock.join(own, on="time", how="left", maintain_order="left")
    return clock


def _common_interval(markets: Mapping[str, Candles]) -> timedelta:
    name, one = next(iter(markets.items()))
    for other_name, other in markets.items():
        if other.interval != one.interval:
            raise InputError(
                f"the candles of {name} are {interval_text(one.interval)} and those of "
                f"{other_name} {interval_text(other.interval)}. Resample them to one interval."
            )
        if (other.first - one.first) % one.interval:
            raise InputError(
                f"the candles of {name} open at {one.first} and those of {other_name} at "
                f"{other.first}, between them. They share no clock."
            )
    return one.interval
