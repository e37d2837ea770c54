"""The calendar, UTC: of a candle's open time, and of the candle that comes next.

When the next candle opens is known at this one's close, and so is all that the calendar says of it.
"""

from __future__ import annotations

import math

import polars as pl

_TIME = pl.col("time")
_NEXT = pl.col("target_time")
_HARMONICS = (1, 2, 3)
_MARKS = (5, 10, 15, 30, 60)
_FUNDING_MINUTES = 480  # perpetual futures settle every eight hours, and their arbitrage follows


def calendar_features() -> dict[str, pl.Expr]:
    """Of the open time as numbers; of the next candle, the target 1 ahead, as waves and marks."""
    return _of_open_time() | _waves() | _marks()


def _of_open_time() -> dict[str, pl.Expr]:
    """Monday is day 0 of the week."""
    return {
        "minute_of_day": _minute_of_day(_TIME),
        "hour_of_day": _TIME.dt.hour(),
        "day_of_week": _TIME.dt.weekday() - 1,
        "day_of_month": _TIME.dt.day(),
        "week_of_year": _TIME.dt.week(),
        "month": _TIME.dt.month(),
    }


def _waves() -> dict[str, pl.Expr]:
    """Sines and cosines, so that the end of a day, week or hour lies next to its beginning."""
    minute = _minute_of_day(_NEXT)
    waves = {f"target_day_sin_{times}": _angle(minute * times, 1440).sin() for times in _HARMONICS}
    waves |= {f"target_day_cos_{times}": _angle(minute * times, 1440).cos() for times in _HARMONICS}
    week, hour = _angle(_NEXT.dt.weekday() - 1, 7), _angle(_NEXT.dt.minute(), 60)
    return waves | {
        "target_week_sin": week.sin(),
        "target_week_cos": week.cos(),
        "target_hour_sin": hour.sin(),
        "target_hour_cos": hour.cos(),
    }


def _marks() -> dict[str, pl.Expr]:
    """1 where it is so, else 0."""
    minute = _minute_of_day(_NEXT)
    return {f"target_every_{minutes}": minute % minutes == 0 for minutes in _MARKS} | {
        "before_every_5": minute % 5 == 4,
        "after_every_5": minute % 5 == 1,
        "after_every_60": minute % 60 == 1,
        "target_funding": minute % _FUNDING_MINUTES < 2,
        "target_weekend": _NEXT.dt.weekday() >= 6,
        "target_month_start": _NEXT.dt.day() == 1,
        "target_month_end": _NEXT.dt.day() == _NEXT.dt.month_end().dt.day(),
    }


def _minute_of_day(time: pl.Expr) -> pl.Expr:
    return time.dt.hour().cast(pl.Int32) * 60 + time.dt.minute()


def _angle(place: pl.Expr, turn: int) -> pl.Expr:
    return place * (2 * math.pi / turn)
