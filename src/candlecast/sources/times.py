"""Moments as files write them: numbers in any unit, told by magnitude, and text in any layout.

A number of seconds since 1970 has 10 digits between 2001 and 2286, one of milliseconds 13, of
microseconds 16, of nanoseconds 19. So each number tells its own unit, and a file may change it
half-way, as the exchange's archive did on 2025-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from candlecast.candles import TIME
from candlecast.checks import first_true
from candlecast.errors import CandleError

_SECOND = 1_000_000
_LATEST = 9_214_646_400_000_000
"""Microseconds from 1970 to 2262."""
_UNITS: tuple[tuple[str, float, float, int], ...] = (
    # name, from, below, microseconds = number * 10 ** power
    ("seconds", 1e8, 1e11, 6),
    ("milliseconds", 1e11, 1e14, 3),
    ("microseconds", 1e14, 1e17, 0),
    ("nanoseconds", 1e17, 9.3e18, -3),
)
_PLAIN = "%Y-%m-%d %H:%M:%S"
_MONTH_FIRST = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y")
_DAY_FIRST = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
_FORMATS = (
    _PLAIN,
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %I-%p:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M%z",
)


@dataclass(frozen=True)
class Moments:
    """Times as a Series of date-times in UTC, and what they were written in."""

    values: pl.Series
    unit: str


def moments(cells: pl.Series) -> Moments:
    """Read a column of times, whatever they are written in.

    Raises:
        CandleError: For the first cell that is no moment, was rounded by a spreadsheet, or is a
            date whose month and day cannot be told apart.
    """
    if isinstance(cells.dtype, pl.Datetime | pl.Date):
        return _in_range(Moments(_zoned(cells), "date-times"), cells)
    if cells.dtype == pl.String:
        return _in_range(_from_text(cells), cells)
    if cells.dtype.is_numeric():
        return _in_range(_from_numbers(cells), cells)
    raise CandleError(
        f"column {cells.name} holds {cells.dtype}, no times",
        "Give date-times, text, or numbers since 1970.",
    )


def _in_range(found: Moments, written: pl.Series) -> Moments:
    """Refuse what no candle can open at; Python itself has no year above 9999."""
    known = found.values.to_physical().is_between(0, _LATEST).fill_null(value=False)
    row = None if known.all() else first_true(~known)
    if row is not None:
        raise CandleError(
            f"the open time '{_as_written(written, row)}' lies outside the years 1970 to 2261",
            "Write times such as 2021-05-16 00:35:00, UTC, or numbers since 1970.",
            row,
        )
    return found


def _as_written(cells: pl.Series, row: int | None) -> str:
    """A cell as text; of date-times Python's own have no year above 9999."""
    return str(cells[row or 0 : (row or 0) + 1].cast(pl.String)[0])


def agreeing_moments(unix: pl.Series, date: pl.Series) -> tuple[Moments, tuple[str, ...]]:
    """The times of a file that writes each twice, as a number and as a date, which must agree.

    The first may be a date, too. Where a spreadsheet rounded the numbers (``1.61888E+12``), the
    dates count, and lie within what the rounding left open.

    Returns:
        The times, and notes for the user.

    Raises:
        CandleError: For the first row whose two times are not the same moment.
    """
    if unix.dtype.is_integer() and isinstance(date.dtype, pl.Datetime):  # nearly always, fast
        numbers = moments(unix)
        if numbers.values.equals(_zoned(date)):
            return numbers, ()
    rounded = _rounded(unix)
    dates = moments(date).values if _are_dates(unix) else _dates(date, unix, rounded)
    if rounded is not None:
        return _in_range(Moments(dates, "text"), date), (
            "the unix column was rounded by a spreadsheet (such as "
            f"{unix[first_true(rounded) or 0]}): the date column tells the time",
        )
    numbers = moments(unix)
    row = _first_apart(numbers.values, dates, date)
    if row is not None:
        raise CandleError(
            f"date '{date[row]}' and {unix.name} {unix[row]} are not the same moment",
            "Both tell the open time in UTC. Remove the column that is wrong.",
            row,
        )
    return numbers, ()


def _are_dates(cells: pl.Series) -> bool:
    """Whether these are date-times, or text without a number among it."""
    if cells.dtype != pl.String:
        return isinstance(cells.dtype, pl.Datetime | pl.Date)
    return not cells.str.contains(r"^\s*\d+\.?\d*([eE]\+?\d+)?\s*$").any()


def _first_apart(numbers: pl.Series, dates: pl.Series, written: pl.Series) -> int | None:
    """The first row where a number is not the date, at the date's own precision."""
    apart = numbers != dates
    if not apart.any():
        return None
    if written.dtype != pl.String:
        precision = "1d" if written.dtype == pl.Date else "1s"
        return first_true(apart & (numbers.dt.truncate(precision) != dates))
    colons = written.str.count_matches(":", literal=True)
    hours = written.str.contains(r"(?i)[ap]m$")
    ways = {"1s": colons >= 2, "1m": (colons == 1) & ~hours, "1h": hours, "1d": colons == 0}
    for precision, chosen in ways.items():
        apart &= ~(chosen & (numbers.dt.truncate(precision) == dates))
    return first_true(apart)


def _dates(date: pl.Series, unix: pl.Series, rounded: pl.Series | None) -> pl.Series:
    """The date column; numbers beside it tell whether the month or the day stands first."""
    if date.dtype != pl.String:
        return moments(date).values
    about = _about(unix)
    month = _parsed(date, (*_FORMATS, *_MONTH_FIRST))
    best = month
    if date.str.contains("/", literal=True).any():
        day = _parsed(date, (*_FORMATS, *_DAY_FIRST))
        best = max((month, day), key=lambda each: int(_within(each, about, unix).sum()))
    row = first_true(best.is_null())
    if row is not None:
        raise CandleError(
            f"date '{date[row]}' and unix {unix[row]} are not the same moment: the date is none",
            "Write dates such as 2021-05-16 00:35:00, UTC.",
            row,
        )
    if rounded is not None:
        row = first_true(~_within(best, about, unix))
        if row is not None:
            raise CandleError(
                f"date '{date[row]}' and unix {unix[row]} are not the same moment",
                "The numbers were rounded by a spreadsheet, but not that far.",
                row,
            )
    return best.alias("time")


def _about(unix: pl.Series) -> pl.Series:
    """Microseconds since 1970, as near as the numbers tell."""
    numbers = unix.cast(pl.Float64, strict=False) if unix.dtype == pl.String else unix
    return _microseconds(numbers)


def _within(dates: pl.Series, about: pl.Series, unix: pl.Series) -> pl.Series:
    """Whether dates lie where rounded numbers leave them: half a unit of their last digit."""
    apart = (dates.to_physical() - about).abs()
    reach = pl.Series([_SECOND], dtype=pl.Int64)
    if unix.dtype == pl.String:
        digits = unix.str.extract(r"^\d+\.?(\d*)[eE]", 1).str.len_chars().cast(pl.Int64)
        power = unix.str.extract(r"[eE]\+?(\d+)$", 1).cast(pl.Int64, strict=False)
        unit = pl.when(about >= 0).then(10.0 ** (power - digits)).otherwise(None)
        numbers = unix.cast(pl.Float64, strict=False)
        factor = (about / numbers).fill_nan(None)
        half = pl.select(unit * factor * 0.5 + 1).to_series()
        return (apart <= half).fill_null((apart < 86_400 * _SECOND).fill_null(value=False))
    return (apart <= reach).fill_null(value=False)


def _rounded(cells: pl.Series) -> pl.Series | None:
    """Which cells a spreadsheet wrote with an exponent; None if none is."""
    if cells.dtype != pl.String:
        return None
    mask = cells.str.contains(r"^\s*\d+\.?\d*[eE]\+?\d+\s*$").fill_null(value=False)
    return mask if mask.any() else None


def _from_text(cells: pl.Series) -> Moments:
    cells = cells.str.strip_chars()
    rounded = _rounded(cells)
    if rounded is not None:
        row = first_true(rounded)
        raise CandleError(
            f"time '{cells[row or 0]}' was rounded by a spreadsheet, and no date stands beside it",
            "Download the file again, and do not save it from a spreadsheet.",
            row,
        )
    numeric = cells.str.contains(r"^\d+(\.\d*)?$").fill_null(value=False)
    if not numeric.any():
        return Moments(_checked(_text_times(cells), cells), "text")
    whole = cells.cast(pl.Int64, strict=False)
    numbers = whole if not whole.null_count() else cells.cast(pl.Float64, strict=False)
    if numeric.all():
        return _from_numbers(numbers)
    told = _from_numbers(numbers.filter(numeric))
    spread = _from_microseconds(_microseconds(numbers))
    times = _text_times(cells.set(numeric, None)).fill_null(spread)
    return Moments(_checked(times, cells), f"text, {told.unit}")


def _text_times(cells: pl.Series) -> pl.Series:
    """Dates that stand alone, so the order of month and day must follow from them."""
    month = _parsed(cells, (*_FORMATS, *_MONTH_FIRST))
    if not cells.str.contains("/", literal=True).any():
        return month
    day = _parsed(cells, (*_FORMATS, *_DAY_FIRST))
    if month.null_count() != day.null_count():
        return min((month, day), key=lambda each: each.null_count())
    if _runs_one_way(month) == _runs_one_way(day):
        if month.equals(day):
            return month
        raise CandleError(
            f"'{cells[0]}' may be month/day or day/month: the file does not tell",
            "Write dates such as 2021-05-16 00:35:00.",
            0,
        )
    return month if _runs_one_way(month) else day


def _runs_one_way(times: pl.Series) -> bool:
    """Whether times run one way and nearly evenly: the right reading of dates does."""
    return times.is_sorted() or times.is_sorted(descending=True)


def _parsed(cells: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Each cell by the first of the formats that it has; null by none."""
    times = _by_format(cells, _PLAIN)
    if not times.null_count():
        return times
    tidy = (
        cells.str.strip_chars()
        .str.replace(r"^(\d{4}-\d\d-\d\d)T", "$1 ")
        .str.replace(r"(?:Z| ?UTC|\+00:?00)$", "")
        .str.replace(r"(?i)( \d\d-[ap]m)$", "$1:00")
    )
    for each in formats:
        lacking = times.is_null()
        if not (lacking & tidy.is_not_null()).any():
            break
        times = times.fill_null(_by_format(tidy.set(~lacking, None), each))
    return times


def _by_format(cells: pl.Series, layout: str) -> pl.Series:
    times = cells.str.to_datetime(layout, time_unit="us", strict=False, cache=False)
    return times.dt.replace_time_zone("UTC").alias("time")


def _checked(times: pl.Series, cells: pl.Series) -> pl.Series:
    row = first_true(times.is_null())
    if row is not None:
        raise CandleError(
            f"'{cells[row]}' is no time", "Write times such as 2021-05-16 00:35:00, UTC.", row
        )
    return times.alias("time")


def _zoned(times: pl.Series) -> pl.Series:
    row = first_true(times.is_null())
    if row is not None:
        raise CandleError("the time is missing", "Every candle needs it.", row)
    plain = times.cast(pl.Datetime("us")) if times.dtype == pl.Date else times
    in_zone = isinstance(plain.dtype, pl.Datetime) and plain.dtype.time_zone is not None
    zoned = plain.dt.convert_time_zone("UTC") if in_zone else plain.dt.replace_time_zone("UTC")
    return zoned.cast(TIME).alias("time")


def _from_numbers(numbers: pl.Series) -> Moments:
    row = first_true(~numbers.is_between(1e8, 9.3e18).fill_null(value=False))
    if row is not None:
        raise CandleError(
            f"time {numbers[row]} is no moment since 1973 in seconds, milliseconds, microseconds "
            "or nanoseconds",
            "Correct the row.",
            row,
        )
    low, high = numbers.min(), numbers.max()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    used = [name for name, start, end, _ in _UNITS if low < end and high >= start]
    units = (
        [
            name
            for name, start, end, _ in _UNITS
            if name in used and bool(((numbers >= start) & (numbers < end)).any())
        ]
        if len(used) > 1
        else used
    )
    return Moments(_from_microseconds(_microseconds(numbers)), ", ".join(units))


def _microseconds(numbers: pl.Series) -> pl.Series:
    """Microseconds since 1970, rounded; each number by its own magnitude."""
    column = pl.col(numbers.name)
    for _, start, end, power in _UNITS:
        if ((numbers >= start) & (numbers < end)).all(ignore_nulls=False):
            return numbers.to_frame().select(_scaled(column, power, numbers.dtype)).to_series()
    expression = pl.lit(None, dtype=pl.Int64)
    for _, start, end, power in _UNITS:
        chosen = (column >= start) & (column < end)
        safe = pl.when(chosen).then(column)
        expression = pl.when(chosen).then(_scaled(safe, power, numbers.dtype)).otherwise(expression)
    return numbers.to_frame().select(expression.alias(numbers.name)).to_series()


def _scaled(column: pl.Expr, power: int, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_integer():
        whole, factor = column.cast(pl.Int64), int(10 ** abs(power))
        return whole * factor if power >= 0 else whole // factor
    return (column * 10.0**power).round().cast(pl.Int64)


def _from_microseconds(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time")
