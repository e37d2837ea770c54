"""Repairs: each a named policy with a safe default, each counted. Nothing is made up unless asked.

A policy says what is done with rows that break a promise of `Candles`. ``stop`` refuses the file
and names the row; whatever else is done is counted and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta

import polars as pl

from candlecast.candles import SCHEMA, TIME, candle_rules
from candlecast.errors import CandleError, InputError
from candlecast.intervals import interval_text
from candlecast.quality.rows import Rows

CHOICES = {
    "order": ("sort", "stop"),
    "impossible": ("stop", "drop"),
    "off_grid": ("stop", "drop", "floor"),
    "identical_duplicates": ("drop", "stop"),
    "conflicting_duplicates": ("stop", "first", "last", "fullest"),
    "open_last": ("drop", "keep", "stop"),
    "gaps": ("keep", "carry"),
}
"""The policies of each repair; the first is the default."""


@dataclass(frozen=True)
class Repairs:
    """What to do with rows that break a promise of `Candles`; see `CHOICES` for the words.

    Attributes:
        order: Rows of one file that run neither way: sort them, or stop.
        impossible: A missing, infinite, negative or contradictory value: stop, or drop the row.
        off_grid: An open time off the grid that most lie on: stop, drop, or floor to the grid.
        identical_duplicates: Rows that say the same of one time: drop all but one, or stop.
        conflicting_duplicates: Rows that say different things of one time: stop, keep the first or
            the last as they stand in the files, or the fullest (most volume: candles only grow).
        open_last: A newest candle that the file itself proves unfinished: drop, keep or stop.
        gaps: Missing candles: keep the gaps, or carry the last close on without volume.
    """

    order: str = "sort"
    impossible: str = "stop"
    off_grid: str = "stop"
    identical_duplicates: str = "drop"
    conflicting_duplicates: str = "stop"
    open_last: str = "drop"
    gaps: str = "keep"

    def __post_init__(self) -> None:
        for field in fields(self):
            policy = getattr(self, field.name)
            if policy not in CHOICES[field.name]:
                raise InputError(
                    f"repair {field.name}: '{policy}' is no policy. "
                    f"Choose {' or '.join(CHOICES[field.name])}."
                )

    @classmethod
    def of(cls, chosen: Repairs | Mapping[str, str] | None) -> Repairs:
        """The repairs that a mapping names; None gives the safe defaults.

        Raises:
            InputError: For a repair or a policy that there is not.
        """
        if isinstance(chosen, Repairs):
            return chosen
        unknown = set(chosen or {}) - set(CHOICES)
        if unknown:
            raise InputError(
                f"'{min(unknown)}' is no repair. The repairs are {', '.join(CHOICES)}."
            )
        return cls(**dict(chosen or {}))


@dataclass(frozen=True)
class Repaired:
    """Rows that keep the promises, and how many each repair changed.

    Attributes:
        frame: The rows, by time; `row` is null where a gap was filled.
        interval: From one open to the next.
        counts: By repair and policy, such as ``identical_duplicates: drop``; only what was done.
    """

    frame: pl.DataFrame
    interval: timedelta
    counts: dict[str, int]


def repaired(rows: Rows, repairs: Repairs, interval: timedelta | None) -> Repaired:
    """Carry out the repairs.

    Raises:
        CandleError: For the first row of which a policy says stop; its row is that of `Rows`.
    """
    frame = rows.frame
    counts: dict[str, int] = {}

    def note(name: str, count: int) -> None:
        if count:
            counts[f"{name}: {getattr(repairs, name)}"] = count

    if rows.unsorted is not None:
        note("order", _stop_or_count_unsorted(rows, repairs))
    if repairs.impossible == "drop":
        frame, dropped = _without_impossible(frame)
        note("impossible", dropped)
    frame = by_time(frame)
    interval = interval or inferred_interval(frame["time"])
    for name, step in _STEPS.items():
        frame, changed = step(frame, getattr(repairs, name), interval)
        note(name, changed)
    return Repaired(frame, interval, counts)


def by_time(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows sorted by time; those of one time stay in their order."""
    if frame["time"].is_sorted():
        return frame
    return frame.sort("time", maintain_order=True)


def inferred_interval(times: pl.Series) -> timedelta:
    """The most common step between different times, the shortest of equals.

    Raises:
        CandleError: If there is no step.
    """
    steps = times.diff().to_physical()
    steps = steps.filter(steps > 0)
    if steps.is_empty():
        raise CandleError(
            "a single row does not tell the interval", "Give the interval, or more candles."
        )
    common = steps.mode().min()
    assert isinstance(common, int)
    return timedelta(microseconds=common)


def off_grid(times: pl.Series, interval: timedelta) -> tuple[pl.Series, int]:
    """Which times lie off the grid that most lie on, and where the grid starts (µs)."""
    step = interval // timedelta(microseconds=1)
    offsets = times.to_physical() % step
    phase = offsets[0] if (offsets == offsets[0]).all() else offsets.mode().min()
    assert isinstance(phase, int)
    return offsets != phase, phase


def duplicates(frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Which rows, sorted by time, repeat the one before: saying the same, and another thing.

    A value that only one of two rows knows is no conflict; nor is the close time, which archives
    write in different units.
    """
    again = (frame["time"] == frame["time"].shift(1)).fill_null(value=False)
    if not again.any():
        return again, again
    values = [name for name in frame.columns if name in SCHEMA and name != "time"]
    same = frame.select(
        pl.all_horizontal(
            (pl.col(name) == _known_before(frame, name)).fill_null(value=True) for name in values
        )
    ).to_series()
    return again & same, again & ~same


def _known_before(frame: pl.DataFrame, name: str) -> pl.Expr:
    """The last value known in the rows before; of other times it does not count."""
    if not frame[name].null_count():
        return pl.col(name).shift(1)
    return pl.col(name).forward_fill().over("time").shift(1)


def unfinished(last: pl.DataFrame, interval: timedelta) -> str | None:
    """Why the newest candle (one row) is unfinished, by the file's own word; None if it is not."""
    if "closed" in last.columns and last["closed"][0] is False:
        return "the file says that it has not closed"
    if "close_time" not in last.columns or last["close_time"][0] is None:
        return None
    early = last["time"][0] + interval - last["close_time"][0]
    if early > timedelta(seconds=1):
        return f"its close time is {last['close_time'][0]:%Y-%m-%d %H:%M:%S}, before its end"
    return None


def _stop_or_count_unsorted(rows: Rows, repairs: Repairs) -> int:
    by_row = rows.frame.sort("row")["time"]
    if repairs.order == "stop":
        assert rows.unsorted is not None
        raise CandleError(
            f"open time {by_row[rows.unsorted]:%Y-%m-%d %H:%M:%S} breaks the time order",
            "Sort the rows by time, oldest or newest first, or repair with order=sort.",
            rows.unsorted,
        )
    steps = by_row.diff().to_physical()
    return min(int((steps < 0).sum()), int((steps > 0).sum()))


def impossible(frame: pl.DataFrame) -> pl.Expr:
    """Which rows break a rule of a single candle."""
    return pl.any_horizontal(
        rule.fill_null(value=False) for rule, _, _ in candle_rules(frame.columns)
    )


def _without_impossible(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    kept = frame.filter(~impossible(frame))
    if kept.is_empty():
        raise CandleError("no row is a possible candle", "Give another file.")
    return kept, frame.height - kept.height


def _on_grid(frame: pl.DataFrame, policy: str, interval: timedelta) -> tuple[pl.DataFrame, int]:
    off, phase = off_grid(frame["time"], interval)
    count = int(off.sum())
    if not count:
        return frame, 0
    if policy == "stop":
        first = frame.filter(off).row(0, named=True)
        raise CandleError(
            f"open time {first['time']:%Y-%m-%d %H:%M:%S.%f} is off the "
            f"{interval_text(interval)} grid{_and_more(count)}",
            "Repair with off_grid=floor to move them to the grid, or off_grid=drop.",
            first["row"],
        )
    if policy == "drop":
        return frame.filter(~off), count
    step = interval // timedelta(microseconds=1)
    place = (pl.col("time").to_physical() - phase) // step * step + phase
    return frame.with_columns(
        place.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time")
    ), count


def _once(frame: pl.DataFrame, policy: str, interval: timedelta) -> tuple[pl.DataFrame, int]:
    del interval
    identical, _ = duplicates(frame)
    if not identical.any():
        return frame, 0
    if policy == "stop":
        raise _stands_twice(frame, identical, "the same", "identical_duplicates=drop")
    return _knowing_all(frame).filter(~identical), int(identical.sum())


def _knowing_all(frame: pl.DataFrame) -> pl.DataFrame:
    """What one row of a time alone knows, the others of that time learn, unless they conflict."""
    values = [name for name in frame.columns if name in SCHEMA and frame[name].null_count()]
    if not values:
        return frame
    _, conflicting = duplicates(frame)
    agree = ~pl.col("conflicting").any().over("time")
    return (
        frame.with_columns(conflicting.alias("conflicting"))
        .with_columns(
            pl.when(agree & pl.col(name).is_null())
            .then(pl.col(name).drop_nulls().first().over("time"))
            .otherwise(pl.col(name))
            .alias(name)
            for name in values
        )
        .drop("conflicting")
    )


def _one_of(frame: pl.DataFrame, policy: str, interval: timedelta) -> tuple[pl.DataFrame, int]:
    del interval
    _, conflicting = duplicates(frame)
    if not conflicting.any():
        return frame, 0
    if policy == "stop":
        raise _stands_twice(
            frame, conflicting, "different values", "conflicting_duplicates=first, last or fullest"
        )
    if policy == "fullest":
        frame = frame.sort("time", "volume", maintain_order=True)
    kept = frame.unique("time", keep="first" if policy == "first" else "last", maintain_order=True)
    return kept, frame.height - kept.height


def _and_more(count: int) -> str:
    return f" ({count:,} such rows in all)" if count > 1 else ""


def _stands_twice(frame: pl.DataFrame, again: pl.Series, how: str, repair: str) -> CandleError:
    first = frame.filter(again).row(0, named=True)
    return CandleError(
        f"open time {first['time']:%Y-%m-%d %H:%M:%S} stands twice, with {how}"
        f"{_and_more(int(again.sum()))}",
        f"Remove the duplicated row, or repair with {repair}.",
        first["row"],
    )


def _without_open(
    frame: pl.DataFrame, policy: str, interval: timedelta
) -> tuple[pl.DataFrame, int]:
    last = frame.tail(1)
    why = unfinished(last, interval)
    if why is None or policy == "keep":
        return frame, 0
    if policy == "stop" or frame.height == 1:
        raise CandleError(
            f"the newest candle is unfinished: {why}",
            "Remove it, or repair with open_last=drop or keep.",
            last["row"][0],
        )
    return frame.head(-1), 1


def _carried(frame: pl.DataFrame, policy: str, interval: timedelta) -> tuple[pl.DataFrame, int]:
    if policy == "keep":
        return frame, 0
    grid = pl.datetime_range(
        frame["time"][0], frame["time"][-1], interval, time_unit="us", eager=True
    )
    if len(grid) == frame.height:
        return frame, 0
    full = pl.DataFrame({"time": grid.cast(TIME)}).join(
        frame, on="time", how="left", maintain_order="left"
    )
    lacks, last = pl.col("row").is_null(), pl.col("close").forward_fill()
    made = dict.fromkeys(("open", "high", "low", "close"), last)
    amounts = [name for name in SCHEMA if name in frame.columns and name not in ("time", *made)]
    return full.with_columns(
        pl.when(lacks).then(made.get(name, pl.lit(0))).otherwise(pl.col(name)).alias(name)
        for name in (*made, *amounts)
    ), len(grid) - frame.height


_Step = Callable[[pl.DataFrame, str, timedelta], tuple[pl.DataFrame, int]]
_STEPS: dict[str, _Step] = {
    "off_grid": _on_grid,
    "identical_duplicates": _once,
    "conflicting_duplicates": _one_of,
    "open_last": _without_open,
    "gaps": _carried,
}
