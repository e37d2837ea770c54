"""`Candles`: a validated table of OHLCV candles of one symbol at one interval."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.checks import check_columns, first_true
from candlecast.errors import CandleError, InputError
from candlecast.intervals import as_utc, interval_text
from candlecast.mirror import mirror

if TYPE_CHECKING:
    import pandas as pd

TIME = pl.Datetime("us", "UTC")
REQUIRED: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": TIME,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}
OPTIONAL: dict[str, pl.DataType | type[pl.DataType]] = {
    "quote_volume": pl.Float64,
    "trades": pl.Int64,
    "taker_buy_volume": pl.Float64,
    "taker_buy_quote_volume": pl.Float64,
}
SCHEMA = REQUIRED | OPTIONAL
MARK = "candles"
"""The column of resampled candles that says how many finer ones each was made of."""

Partial = Literal["drop", "mark"]
"""What becomes of a coarser candle that lacks a finer one."""


@dataclass(frozen=True, eq=False, repr=False)
class Candles:
    """Candles of one symbol: UTC, keyed by open time, sorted, unique and valid.

    Build it with `Candles.from_frame` or `candlecast.read`, which check what this class promises;
    the constructor itself trusts its arguments.

    Attributes:
        frame: `time` (open time, UTC), `open`, `high`, `low`, `close`, `volume` and, where known,
            `quote_volume`, `trades`, `taker_buy_volume`, `taker_buy_quote_volume`. Columns such as
            `ETHUSDT:close` are those of another market, put there by `with_market`.
        symbol: The market, such as ``BTCUSDT``.
        interval: The time from one open to the next. A candle is known at open time + interval.
    """

    frame: pl.DataFrame
    symbol: str
    interval: timedelta

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame | pd.DataFrame,
        symbol: str,
        interval: timedelta | None = None,
    ) -> Candles:
        """Check a frame and make it `Candles`.

        Args:
            frame: A Polars or pandas frame with at least `time`, `open`, `high`, `low`, `close` and
                `volume`; a pandas frame may carry the times in its index. Times without a zone are
                read as UTC. Oldest or newest first. Other columns are left out.
            symbol: The market, such as ``BTCUSDT``.
            interval: The candles' interval; None infers the most common step.

        Raises:
            CandleError: For a missing column, a value of the wrong type, a missing or non-finite
                number, times out of order, duplicated or off the interval's grid, an impossible
                candle (low above open or close, high below, price not above 0), a negative volume.
        """
        if not isinstance(symbol, str) or not symbol:
            raise InputError(f"the symbol is {symbol!r}. Give a name such as BTCUSDT.")
        table = _typed(frame if isinstance(frame, pl.DataFrame) else _from_pandas(frame))
        _check_values(table)
        newest_first = _check_order(table)
        if newest_first:
            table = table.reverse()
        interval = _infer_interval(table) if interval is None else interval
        _check_interval(interval)
        _check_grid(table, interval, newest_first)
        return cls(table, symbol, interval)

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        span = f"{self.first:%Y-%m-%d %H:%M} .. {self.last:%Y-%m-%d %H:%M}" if len(self) else "none"
        beside = f" beside {', '.join(self.markets)}" if self.markets else ""
        return (
            f"Candles({self.symbol} {interval_text(self.interval)}{beside}, {len(self):,} rows, "
            f"{span}, {self.gaps.height} gaps)"
        )

    def to_polars(self) -> pl.DataFrame:
        """The table as a Polars frame, one row a candle."""
        return self.frame

    def to_pandas(self) -> pd.DataFrame:
        """The table as a pandas frame with a `time` column (UTC).

        Raises:
            InputError: If pandas is not installed.
        """
        try:
            return self.frame.to_pandas()
        except ModuleNotFoundError as missing:
            raise InputError(
                f"to_pandas() needs {missing.name}. Install it with: "
                "pip install 'candlecast[pandas]'"
            ) from missing

    @property
    def first(self) -> datetime:
        """Open time of the oldest candle."""
        return self._time_at(0)

    @property
    def last(self) -> datetime:
        """Open time of the newest candle."""
        return self._time_at(-1)

    @property
    def markets(self) -> tuple[str, ...]:
        """The symbols of the other markets that stand beside this one."""
        symbols = (name.partition(":")[0] for name in self.frame.columns if ":" in name)
        return tuple(dict.fromkeys(symbols))

    def _time_at(self, row: int) -> datetime:
        time = self.frame["time"][row]
        assert isinstance(time, datetime)
        return time

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """The holes: `after` and `before` (open times either side) and `missing` (candles)."""
        step_us = pl.col("time").diff().dt.total_microseconds()
        return (
            self.frame.lazy()
            .select(
                after=pl.col("time").shift(1),
                before=pl.col("time"),
                missing=step_us // _microseconds(self.interval) - 1,
            )
            .filter(pl.col("missing") > 0)
            .collect()
        )

    @property
    def missing(self) -> int:
        """How many candles the gaps lack."""
        return int(self.gaps["missing"].sum())

    @cached_property
    def segment_ids(self) -> NDArray[np.int64]:
        """For each row the number of its segment, counted from 0; shape [rows]."""
        times = self.frame["time"].to_physical().to_numpy()
        starts = np.diff(times, prepend=times[:1]) > _microseconds(self.interval)
        return np.cumsum(starts)

    @property
    def segments(self) -> list[range]:
        """The stretches without gaps, as ranges of rows."""
        edges = [0, *(np.flatnonzero(np.diff(self.segment_ids)) + 1).tolist(), len(self)]
        return [range(a, b) for a, b in pairwise(edges) if b > a]

    @property
    def sha256(self) -> str:
        """A hash of the content: the same candles give the same hash from whatever file."""
        digest = hashlib.sha256(f"{self.symbol} {interval_text(self.interval)}".encode())
        for column in self.frame:
            digest.update(column.name.encode())
            digest.update(column.to_physical().cast(pl.Float64).to_numpy().astype("<f8").tobytes())
        return digest.hexdigest()

    def between(self, start: datetime | None, end: datetime | None) -> Candles:
        """The candles with start ≤ open time < end; None leaves a side open.

        A bound without a zone is read as UTC.
        """
        kept = self.frame
        if start is not None:
            kept = kept.filter(pl.col("time") >= as_utc(start))
        if end is not None:
            kept = kept.filter(pl.col("time") < as_utc(end))
        return Candles(kept, self.symbol, self.interval)

    def stretches(self, at_least: int = 1) -> Iterator[Candles]:
        """The stretches without gaps, oldest first, as views that copy nothing.

        Args:
            at_least: Candles that a stretch must have to be given.
        """
        for rows in self.segments:
            if len(rows) >= at_least:
                yield Candles(self.frame[rows.start : rows.stop], self.symbol, self.interval)

    def resample(self, interval: timedelta, partial: Partial = "drop") -> Candles:
        """Coarser candles, labelled by open time.

        Buckets start at midnight UTC, and weeks on Monday; those of an interval that does not fill
        a day or a week evenly are counted on from a Monday in 1969. A value that is not known of
        one of a bucket's candles (`trades`, for instance) is not known of the bucket.

        Args:
            interval: Of the coarser candles.
            partial: What becomes of a bucket that lacks a candle: ``drop`` leaves it out; ``mark``
                keeps what is known of it, and a column `candles` says for every bucket how many of
                these candles it was made of. The last bucket may then be one that is not over.

        Raises:
            InputError: If the new interval is not a whole multiple of the present one, the candles
                do not open on its edges, or they hold marked partial ones themselves.
        """
        if partial not in ("drop", "mark"):
            raise InputError(f"partial is {partial!r}. Give 'drop' or 'mark'.")
        if MARK in self.frame.columns:
            raise InputError(
                "these candles were resampled with partial ones kept. Resample the finer ones."
            )
        if interval == self.interval:
            marked = self.frame.with_columns(pl.lit(1, pl.Int64).alias(MARK))
            return self if partial == "drop" else Candles(marked, self.symbol, interval)
        if interval < self.interval or interval % self.interval != timedelta(0):
            raise InputError(
                f"Candles of {interval_text(self.interval)} cannot become candles of "
                f"{interval_text(interval)}. Ask for a whole multiple of the file's interval."
            )
        origin = datetime(1969, 12, 29, tzinfo=UTC)  # a Monday, so that weeks start on one
        if len(self) and (self.first - origin) % self.interval:
            raise InputError(
                f"Candles that open at {self.first:%H:%M:%S} and every "
                f"{interval_text(self.interval)} from there share no edges with candles of "
                f"{interval_text(interval)}."
            )
        start, step = int(origin.timestamp()) * 1_000_000, _microseconds(interval)
        place = (pl.col("time").dt.epoch("us") - start) // step
        bucket = pl.from_epoch(start + place * step, "us").dt.replace_time_zone("UTC").alias("time")
        buckets = self.frame.group_by(bucket, maintain_order=True).agg(
            *(_in_bucket(name) for name in self.frame.columns if name != "time"),
            pl.len().cast(pl.Int64).alias(MARK),
        )
        if partial == "mark":
            return Candles(buckets, self.symbol, interval)
        whole = buckets.filter(pl.col(MARK) == interval // self.interval).drop(MARK)
        return Candles(whole, self.symbol, interval)

    def mirrored(self) -> Candles:
        """The market turned upside down: what rose falls by the same log return.

        Each price p becomes K / p, where K is the square of the first close, so that the two
        cross there; highs and lows change places, and what takers bought they now sell, at mean
        prices that are mirrored too. Volumes, counts and times stay. Mirrored twice it is what it
        was, but for rounding. Other markets are mirrored likewise, each about its own first close.
        """
        table = self.frame
        for symbol in ("", *self.markets):
            table = table.with_columns(mirror(table, f"{symbol}:" if symbol else ""))
        return Candles(table, self.symbol, self.interval)


def _in_bucket(name: str) -> pl.Expr:
    """A column of a coarser candle; where values may lack it is known if all of them are."""
    column = pl.col(name)
    ways = {"open": column.first(), "high": column.max(), "low": column.min()}
    ways["close"] = column.last()
    market, _, plain = name.rpartition(":")
    value = ways.get(plain, column.sum())
    if not market and name in REQUIRED:
        return value
    return pl.when(column.is_not_null().all()).then(value).alias(name)


def _microseconds(interval: timedelta) -> int:
    return interval // timedelta(microseconds=1)


def _from_pandas(frame: Any) -> pl.DataFrame:
    """The known columns of a pandas frame as Polars; its time index, if any, becomes `time`."""
    if not hasattr(frame, "reset_index") or not hasattr(frame, "columns"):
        raise InputError(
            f"Candles.from_frame takes a Polars or pandas frame, not {type(frame).__name__}."
        )
    if "time" not in frame.columns and str(frame.index.dtype).startswith("datetime64"):
        frame = frame.rename_axis("time").reset_index()
    check_columns(REQUIRED, [str(name) for name in frame.columns])
    return pl.DataFrame(
        [series_from_pandas(name, frame[name]) for name in SCHEMA if name in frame.columns]
    )


def series_from_pandas(name: str, column: Any) -> pl.Series:
    """A pandas column as Polars; times of any zone in UTC.

    Raises:
        CandleError: If it has no one plain type.
    """
    zone = getattr(column.dtype, "tz", None)
    try:
        return pl.Series(
            name, pl.from_pandas(column if zone is None else column.dt.tz_convert("UTC"))
        )
    except (TypeError, ValueError, RuntimeError, pl.exceptions.PolarsError) as error:
        # What pyarrow cannot convert, it says by an error that derives from one of the first three.
        raise CandleError(
            f"column {name} cannot be read ({type(error).__name__})",
            "Give it one plain type: date-times for time, numbers for the rest.",
        ) from error


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """The known columns, in order, each cast to its type."""
    check_columns(REQUIRED, frame.columns)
    if frame.is_empty():
        raise CandleError("there are no rows", "Give at least two candles.")
    return pl.DataFrame(
        [_cast(frame[name], dtype) for name, dtype in SCHEMA.items() if name in frame.columns]
    )


def _cast(column: pl.Series, dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    if column.name == "time":
        return _cast_time(column)
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Null)):
        raise CandleError(f"column {column.name} holds {column.dtype}", "Give numbers.")
    typed = column.cast(dtype, strict=False)
    row = first_true(typed.is_null() & column.is_not_null())
    if row is not None:
        raise CandleError(
            f"'{column[row]}' in column {column.name} is not a number", "Correct it.", row
        )
    if column.dtype.is_float() and dtype == pl.Int64:
        row = first_true(typed != column)
        if row is not None:
            raise CandleError(
                f"'{column[row]}' in column {column.name} is not a whole number",
                "Counts are whole.",
                row,
            )
    return typed


def _cast_time(column: pl.Series) -> pl.Series:
    if not isinstance(column.dtype, pl.Datetime):
        raise CandleError(
            f"column time holds {column.dtype}, not date-times",
            "Convert it first, for instance with pl.from_epoch or pandas.to_datetime.",
        )
    try:
        zoned = (
            column.dt.replace_time_zone("UTC")
            if column.dtype.time_zone is None
            else column.dt.convert_time_zone("UTC")
        )
        times = zoned.cast(TIME, strict=False)
    except pl.exceptions.PolarsError as error:
        raise CandleError(
            f"the times of zone {column.dtype.time_zone} cannot be read", "Convert them to UTC."
        ) from error
    row = first_true(~times.dt.year().is_between(1970, 2261))
    if row is not None:
        raise CandleError(
            f"open time {times.to_physical()[row]} (µs since 1970) lies outside the years 1970 to "
            "2261",
            "Is its unit right (seconds, milliseconds, microseconds)?",
            row,
        )
    return times


def candle_rules(columns: Sequence[str]) -> list[tuple[pl.Expr, str, str]]:
    """What no valid candle does: where it is done, what it is, and what to do about it."""
    prices = ("open", "high", "low", "close")
    numbers = [name for name in columns if name in SCHEMA and name != "time"]
    rules: list[tuple[pl.Expr, str, str]] = [
        (pl.col(name).is_null(), f"{name} is missing", "Every candle needs it.")
        for name in REQUIRED
    ]
    rules += [
        (~pl.col(name).is_finite(), f"{name} is not a finite number", "Correct or drop the row.")
        for name in numbers
    ]
    rules += [
        (pl.col(name) <= 0, f"{name} is not above 0", "Prices are above 0.") for name in prices
    ]
    rules += [
        (pl.col("low") > pl.col(name), f"low is above {name}", "Correct or drop the row.")
        for name in ("open", "close")
    ]
    rules += [
        (pl.col("high") < pl.col(name), f"high is below {name}", "Correct or drop the row.")
        for name in ("open", "close")
    ]
    rules += [
        (pl.col(name) < 0, f"{name} is negative", "Volumes and counts are 0 or more.")
        for name in numbers
        if name not in prices
    ]
    return rules


def _check_values(frame: pl.DataFrame) -> None:
    """Find the first row that breaks a rule of a single candle."""
    rules = candle_rules(frame.columns)
    firsts = frame.select(
        rule.arg_true().first().alias(str(number)) for number, (rule, _, _) in enumerate(rules)
    ).row(0)
    broken = [(row, number) for number, row in enumerate(firsts) if row is not None]
    if broken:
        row, number = min(broken)
        raise CandleError(rules[number][1], rules[number][2], row)


def _check_order(frame: pl.DataFrame) -> bool:
    """Whether the rows run newest first; they must run one way, each time once."""
    step = frame["time"].diff()
    newest_first = frame.height > 1 and frame["time"][1] < frame["time"][0]
    zero = timedelta(0)
    wrong = step >= zero if newest_first else step <= zero
    row = first_true(wrong)
    if row is None:
        return newest_first
    time = frame["time"][row]
    if step[row] == zero:
        raise CandleError(
            f"open time {time:%Y-%m-%d %H:%M:%S} stands twice", "Remove the duplicated row.", row
        )
    raise CandleError(
        f"open time {time:%Y-%m-%d %H:%M:%S} breaks the time order",
        "Sort the rows by time, oldest or newest first.",
        row,
    )


def _infer_interval(frame: pl.DataFrame) -> timedelta:
    if frame.height < 2:
        raise CandleError(
            "a single row does not tell the interval", "Give the interval, or more candles."
        )
    step = frame["time"].diff().drop_nulls().mode().min()
    assert isinstance(step, timedelta)
    return step


def _check_interval(interval: timedelta) -> None:
    if not isinstance(interval, timedelta):
        raise InputError(f"the interval is {interval!r}. Give a datetime.timedelta.")
    if interval <= timedelta(0) or interval % timedelta(seconds=1):
        raise CandleError(
            f"the interval is {interval}", "It must be a whole number of seconds, 1 or more."
        )


def _check_grid(frame: pl.DataFrame, interval: timedelta, newest_first: bool) -> None:
    """Every open time lies a whole number of intervals after the first."""
    offsets = (frame["time"] - frame["time"][0]).to_physical()
    row = first_true(offsets % _microseconds(interval) != 0)
    if row is None:
        return
    raise CandleError(
        f"open time {frame['time'][row]} is off the {interval_text(interval)} grid",
        f"Candles open every {interval_text(interval)} from {frame['time'][0]}.",
        frame.height - 1 - row if newest_first else row,
    )
