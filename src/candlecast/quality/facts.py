"""`Quality`: what raw candles are, counted before any repair."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from candlecast.candles import candle_rules
from candlecast.intervals import interval_text
from candlecast.quality.coverage import coverage
from candlecast.quality.repairs import (
    by_time,
    duplicates,
    impossible,
    inferred_interval,
    off_grid,
    unfinished,
)
from candlecast.quality.rows import Rows

EXAMPLES = 10
FLAT_RUN = 5
"""So many candles in a row at one price are a flat run."""
JUMP = 30.0
"""A return worth a look: so many robust standard deviations (1.4826 x the median absolute one)."""
SMALL = 0.05
"""A newest candle with less than this part of the median volume may have been open still."""


@dataclass(frozen=True)
class Finding:
    """Rows of one kind: how many, and the first of them.

    Attributes:
        count: How many there are.
        examples: The first few: where each stands (`place`), its `time` and what is told of it.
    """

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Quality:
    """What a file, or several as one series, holds; counted before repairs.

    Attributes:
        source: The file, or the first of several.
        files: How many files.
        symbol: The market.
        layouts: The layouts found.
        units: What open times are written in.
        order: How the rows stand.
        rows: How many.
        first: Open time of the oldest.
        last: Open time of the newest.
        interval: As text, such as ``1m``.
        gaps: Each with `after` and `before` (open times either side), `missing` and `length`.
        missing: How many candles the gaps lack.
        identical_duplicates: Rows that repeat one before.
        conflicting_duplicates: Rows that say something else of the same time.
        off_grid: Open times off the grid that most lie on.
        unsorted: Whether the rows of a file run neither way.
        zero_trade: Candles without a trade or, where trades are not counted, without volume.
        flat_runs: Stretches of `FLAT_RUN` candles or more at one price; `count` counts stretches.
        impossible: Candles that break a rule of every candle.
        jumps: Closes that lie `JUMP` robust standard deviations from the close before.
        cut_short: Candles whose close time lies before their interval's end.
        last_candle: ``open`` (the file proves it), ``suspicious`` or ``not told``.
        last_candle_reason: Why.
        coverage: By stretch of time: `start`, and `part` of its candles that are there.
        notes: What else was found.
        repairs: What was done about it, by repair and policy; how many rows.
        stopped: The error that refused the file; None if it reads.
    """

    source: str
    files: int
    symbol: str
    layouts: list[str]
    units: list[str]
    order: str
    rows: int
    first: datetime
    last: datetime
    interval: str
    gaps: list[dict[str, Any]]
    missing: int
    identical_duplicates: Finding
    conflicting_duplicates: Finding
    off_grid: Finding
    unsorted: bool
    zero_trade: Finding
    flat_runs: Finding
    impossible: Finding
    jumps: Finding
    cut_short: Finding
    last_candle: str
    last_candle_reason: str | None
    coverage: list[dict[str, Any]]
    notes: list[str]
    repairs: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; times in ISO format."""
        document = _plain(asdict(self))
        assert isinstance(document, dict)
        return document


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value != value:  # NaN is no JSON
        return None
    return value


def facts(rows: Rows, interval: timedelta | None = None) -> Quality:
    """Count what the rows are; nothing is changed.

    Raises:
        CandleError: If a single row does not tell the interval.
    """
    frame = by_time(rows.frame)
    interval = interval or inferred_interval(frame["time"])
    identical, conflicting = duplicates(frame)
    once = frame.filter(~(identical | conflicting))
    off, _ = off_grid(frame["time"], interval)
    gaps = _gaps(once["time"], interval)
    state, reason = _last_candle(once, interval)
    return Quality(
        source=rows.name,
        files=len(rows.parts),
        symbol=rows.symbol,
        layouts=list(rows.layouts),
        units=list(rows.units),
        order=rows.order,
        rows=frame.height,
        first=frame["time"][0],
        last=frame["time"][-1],
        interval=interval_text(interval) if not interval % timedelta(seconds=1) else str(interval),
        gaps=gaps,
        missing=sum(gap["missing"] for gap in gaps),
        identical_duplicates=_finding(rows, frame.filter(identical)),
        conflicting_duplicates=_finding(rows, frame.filter(conflicting)),
        off_grid=_finding(rows, frame.filter(off)),
        unsorted=rows.unsorted is not None,
        zero_trade=_finding(rows, once.filter(_without_trade(once))),
        flat_runs=_flat_runs(rows, once, interval),
        impossible=_impossible(rows, frame),
        jumps=_jumps(rows, once, interval),
        cut_short=_cut_short(rows, once, interval),
        last_candle=state,
        last_candle_reason=reason,
        coverage=coverage(once["time"], interval),
        notes=list(rows.notes),
    )


def _finding(rows: Rows, frame: pl.DataFrame, *told: str) -> Finding:
    examples = [
        {"place": rows.place(row["row"]).removesuffix(": "), "time": row["time"]}
        | {name: row[name] for name in told}
        for row in frame.head(EXAMPLES).iter_rows(named=True)
    ]
    return Finding(frame.height, examples)


def _gaps(times: pl.Series, interval: timedelta) -> list[dict[str, Any]]:
    step = interval // timedelta(microseconds=1)
    table = times.to_frame().select(
        after=pl.col("time").shift(1),
        before=pl.col("time"),
        missing=(pl.col("time").diff().dt.total_microseconds() - 1) // step,
    )
    return [
        gap | {"length": str(gap["before"] - gap["after"] - interval)}
        for gap in table.filter(pl.col("missing") > 0).to_dicts()
    ]


def _without_trade(frame: pl.DataFrame) -> pl.Expr:
    if "trades" in frame.columns:
        return pl.coalesce("trades", "volume") == 0
    return pl.col("volume") == 0


def _flat_runs(rows: Rows, frame: pl.DataFrame, interval: timedelta) -> Finding:
    """Stretches without a gap in which no price differs from the one before."""
    flat = (pl.col("high") == pl.col("low")) & (pl.col("open") == pl.col("close"))
    begins = ~flat | (pl.col("close") != pl.col("close").shift(1))
    begins |= pl.col("time").diff() != interval
    runs = (
        frame.lazy()
        .select("row", "time", flat=flat, run=begins.fill_null(value=True).cum_sum())
        .filter("flat")
        .group_by("run", maintain_order=True)
        .agg(pl.col("row", "time").first(), candles=pl.len())
        .filter(pl.col("candles") >= FLAT_RUN)
        .collect()
    )
    return _finding(rows, runs, "candles")


def _impossible(rows: Rows, frame: pl.DataFrame) -> Finding:
    rules = candle_rules(frame.columns)
    wrong = frame.filter(impossible(frame)).with_columns(
        problem=pl.coalesce(pl.when(rule).then(pl.lit(problem)) for rule, problem, _ in rules)
    )
    return _finding(rows, wrong, "problem")


def _jumps(rows: Rows, frame: pl.DataFrame, interval: timedelta) -> Finding:
    change = (pl.col("close") / pl.col("close").shift(1)).log()
    stepped = frame.select(
        "row", "time", log_return=pl.when(pl.col("time").diff() == interval).then(change)
    ).filter(pl.col("log_return").is_finite())
    size = stepped["log_return"].abs()
    typical = size.filter(size > 0).median()
    if not isinstance(typical, float):
        return Finding()
    return _finding(rows, stepped.filter(size > JUMP * 1.4826 * typical), "log_return")


def _cut_short(rows: Rows, frame: pl.DataFrame, interval: timedelta) -> Finding:
    if "close_time" not in frame.columns:
        return Finding()
    early = pl.col("time") + interval - pl.col("close_time") > timedelta(seconds=1)
    return _finding(rows, frame.filter(early), "close_time")


def _last_candle(frame: pl.DataFrame, interval: timedelta) -> tuple[str, str | None]:
    last = frame.tail(1)
    why = unfinished(last, interval)
    if why is not None:
        return "open", why
    median, volume = frame["volume"].median(), last["volume"][0]
    if isinstance(median, float) and volume is not None and volume < SMALL * median:
        return "suspicious", (
            f"its volume {volume:,.6g} is {volume / median:.1%} of the median: it may have been "
            "open still"
        )
    return "not told", None
