"""The price chart's numbers, packed so small that every minute of months fits on the page.

A column is whole numbers: prices in ticks, returns in 1e-7. Each is told by how it differs from
what could be guessed (a close from the close before, a high from the higher of open and close), its
bytes are sorted by significance, and all is compressed by gzip, which browsers undo by themselves.
The bands are not stored: `page.js` works them out from location and scale where they are those of
Student's t, and from the median and how far they reach, below it and above, where they are not or
are calibrated.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from candlecast.candles import Candles
from candlecast.distributions import Distribution, Floats, StudentT
from candlecast.forecast import Forecast
from candlecast.report.summaries import Ints, stretch

BYTES = 8_500_000
"""Room for the packed numbers on the page, in base64."""

FINE_ROWS = 300_000
"""Candles shown one by one; further back they are summed up."""

FINE_FORECASTS = 1_500_000
"""The same for the forecasts of all horizons together."""

COARSE_ROWS = 12_000
"""Summed-up candles further back, at the most."""

UNKNOWN = -(2**30)
RETURN_UNIT = 1e-7
LOG_SCALE_UNIT = 1e-3

_BANDS = (50, 80, 95)
_UPPER_LEVELS = (0.75, 0.9, 0.975)
_MOST_DEGREES_TOLD_APART = 256


@dataclass(frozen=True)
class PackedPrices:
    """What the price chart is drawn from.

    Attributes:
        header: What the columns are and mean; plain values, fit for JSON.
        content: The columns: gzip in base64.
        fine_from: Open time of the first candle shown by itself, µs since the epoch.
        coarse_width: The stretch that candles before that are summed up over, µs; None if none are.
        first: Open time of the first candle, µs since the epoch.
        last: Of the last.
    """

    header: Mapping[str, Any]
    content: str
    fine_from: int
    coarse_width: int | None
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class _Column:
    """Whole numbers; those that go on from the one before are stored as differences."""

    values: Ints
    goes_on: bool = False


def pack_prices(candles: Candles, forecast: Forecast, most_bytes: int = BYTES) -> PackedPrices:
    """Pack the candles from the first origin to the last target, and what was forecast of them.

    Args:
        candles: Those that were forecast.
        forecast: Of one model; in time order, one origin or more.
        most_bytes: What the packed columns may take; fewer candles are shown one by one to keep to
            it.
    """
    fine = min(FINE_ROWS, FINE_FORECASTS // len(forecast.horizons), len(candles))
    while True:
        packed = _pack(candles, forecast, fine)
        if len(packed.content) <= most_bytes or fine < COARSE_ROWS:
            return packed
        fine //= 2


def _pack(candles: Candles, forecast: Forecast, fine: int) -> PackedPrices:
    time = candles.frame["time"].to_physical().to_numpy()
    begin = int(np.searchsorted(time, forecast.origin[0]))
    end = int(np.searchsorted(time, forecast.time.max(), side="right"))
    split = max(begin, end - fine)
    step = int(candles.interval.total_seconds() * 1_000_000)
    tick = _tick(candles.frame["close"][begin:end].to_numpy())
    first = int(time[begin])
    rows = np.searchsorted(time, forecast.origin)
    is_fine = (rows >= split) & (rows < len(time))
    is_fine[is_fine] = time[rows[is_fine]] == forecast.origin[is_fine]
    width = stretch(first, int(time[split]), COARSE_ROWS) if split > begin else None
    columns = _fine_candles(candles, range(split, end), first, step, tick)
    header: dict[str, Any] = {}
    columns["row"] = _Column(rows[is_fine] - split, goes_on=True)
    for place, horizon in enumerate(forecast.horizons):
        chosen, header[f"table{horizon}"] = _fine_forecast(forecast, place, is_fine, step)
        columns |= {f"{name}{horizon}": column for name, column in chosen.items()}
    if width is not None:
        early = range(begin, split)
        columns |= _coarse_candles(candles, early, first, step, width, tick)
        for place, horizon in enumerate(forecast.horizons):
            chosen = _coarse_forecast(forecast, place, rows < split, first, step, width, tick)
            columns |= {f"{name}{horizon}": column for name, column in chosen.items()}
    header |= {
        "first": first // 1000,
        "step": step / 1000,
        "tick": tick,
        "return_unit": RETURN_UNIT,
        "log_scale_unit": LOG_SCALE_UNIT,
        "unknown": UNKNOWN,
        "columns": [[name, len(each.values), each.goes_on] for name, each in columns.items()],
    }
    content = base64.b64encode(_compressed([*columns.values()])).decode("ascii")
    return PackedPrices(header, content, int(time[split]), width, first, int(time[end - 1]))


def _fine_candles(
    candles: Candles, rows: range, first: int, step: int, tick: float
) -> dict[str, _Column]:
    frame = candles.frame[rows.start : rows.stop]
    time = frame["time"].to_physical().to_numpy()
    opened, high, low, close = (
        _units(frame[name].to_numpy(), tick) for name in ("open", "high", "low", "close")
    )
    before = np.concatenate([[0], close[:-1]])
    return {
        "time": _Column((time - first) // step, goes_on=True),
        "close": _Column(close, goes_on=True),
        "open": _Column(opened - before),
        "up": _Column(high - np.maximum(opened, close)),
        "down": _Column(np.minimum(opened, close) - low),
    }


def _fine_forecast(
    forecast: Forecast, place: int, chosen: Any, step: int
) -> tuple[dict[str, _Column], list[list[float]] | None]:
    """The columns of one horizon, and Student's t at the bands' upper ends for each degrees.

    Calibrated bands, and those of another distribution, are told by the log of how far they reach,
    and need no such table.
    """
    ahead = (forecast.time[chosen, place] - forecast.origin[chosen]) // step
    mean = _units(_mean_return(forecast, place)[chosen], RETURN_UNIT)
    columns = {"ahead": _Column(ahead, goes_on=True), "mean": _Column(mean)}
    if forecast.distribution is None:
        return columns, None
    spread = forecast.distribution.at_horizon(place).take(chosen)
    centre = _units(spread.median, RETURN_UNIT)
    if not np.array_equal(centre, mean):
        columns["location"] = _Column(centre)
    if forecast.bands is not None or not isinstance(spread, StudentT):
        bands = None if forecast.bands is None else forecast.bands[chosen, place]
        return columns | _reach_columns(spread, bands, forecast.last_close[chosen]), None
    scale, index, table = _shape(spread)
    log_scale = _units(np.log(scale), LOG_SCALE_UNIT)
    columns |= {"scale": _Column(log_scale, goes_on=True), "degrees": _Column(index)}
    return columns, np.round(table, 6).tolist()


def _reach_columns(
    spread: Distribution, bands: Floats | None, last_close: Floats
) -> dict[str, _Column]:
    """The log of how far each band reaches in log return, the narrowest first.

    Above and below the median alike, and where they are not, below it in columns of their own.

    Args:
        spread: Of the chosen origins.
        bands: The calibrated ones in price, shape [chosen, 6]; None for the spread's own.
        last_close: At the origins.
    """
    columns = {}
    for n, (below, above) in enumerate(_reaches(spread, bands, last_close)):
        down, up = _log_units(below), _log_units(above)
        if (np.abs(down - up) <= 1).all():
            up = _log_units((below + above) / 2)
        else:
            columns[f"below{_BANDS[n]}_"] = _Column(down, goes_on=True)
        columns[f"reach{_BANDS[n]}_"] = _Column(up, goes_on=True)
    return columns


def _reaches(
    spread: Distribution, bands: Floats | None, last_close: Floats
) -> list[tuple[Floats, Floats]]:
    """How far each band reaches below and above the median; [chosen] each."""
    if bands is None:
        below, above = spread.reaches(_UPPER_LEVELS)
        return list(zip(below.T, above.T, strict=True))
    ends = np.log(bands / last_close[:, None]) - spread.median[:, None]
    return [(-ends[:, 2 - n], ends[:, 3 + n]) for n in range(len(_BANDS))]


def _log_units(reach: Floats) -> Ints:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _units(np.log(reach), LOG_SCALE_UNIT)


def _mean_return(forecast: Forecast, place: int) -> Floats:
    """The log return to the point forecast at one horizon; NaN where that is not above 0."""
    mean = forecast.mean[:, place]
    return np.asarray(np.log(np.where(mean > 0, mean, np.nan) / forecast.last_close))


def _shape(spread: StudentT) -> tuple[Floats, Ints, Floats]:
    """Scales, NaN where there is none; and Student's t at `_UPPER_LEVELS`: which row of a table."""
    scale, degrees = spread.scale, spread.degrees
    known = (scale > 0) & np.isfinite(degrees)
    index, few = _told_apart(np.where(known, degrees, 1.0))  # without a scale any will do
    table = special.stdtrit(few[:, None], np.array(_UPPER_LEVELS))
    return np.where(known, scale, np.nan), index, table


def _told_apart(degrees: Floats) -> tuple[Ints, Floats]:
    """Degrees of freedom as places in a list of not too many."""
    if len(degrees) == 0:
        return np.empty(0, np.int64), np.empty(0)
    values, index = np.unique(degrees, return_inverse=True)
    if len(values) <= _MOST_DEGREES_TOLD_APART:
        return index, values
    grid = np.geomspace(values[0], values[-1], _MOST_DEGREES_TOLD_APART)
    return np.searchsorted(np.sqrt(grid[1:] * grid[:-1]), degrees), grid


def _coarse_candles(
    candles: Candles, rows: range, first: int, step: int, width: int, tick: float
) -> dict[str, _Column]:
    frame = candles.frame[rows.start : rows.stop]
    time = frame["time"].to_physical().to_numpy()
    starts = _starts(time // width)
    ends = np.append(starts[1:], len(time)) - 1
    opened, close = frame["open"].to_numpy()[starts], frame["close"].to_numpy()[ends]
    high = np.maximum.reduceat(frame["high"].to_numpy(), starts)
    low = np.minimum.reduceat(frame["low"].to_numpy(), starts)
    return {
        "old_time": _Column((time[starts] - first) // step, goes_on=True),
        **{
            f"old_{name}": _Column(_units(values, tick), goes_on=True)
            for name, values in {"open": opened, "high": high, "low": low, "close": close}.items()
        },
    }


def _coarse_forecast(
    forecast: Forecast, place: int, chosen: Any, first: int, step: int, width: int, tick: float
) -> dict[str, _Column]:
    """The last mean of each stretch, and how far the bands reach in it."""
    time = forecast.time[chosen, place]
    starts = _starts(time // width)
    ends = np.append(starts[1:], len(time)) - 1
    columns = {
        "old_at": _Column((time[starts] - first) // step, goes_on=True),
        "old_mean": _Column(_units(forecast.mean[chosen, place][ends], tick), goes_on=True),
    }
    if forecast.distribution is None:
        return columns
    spread = forecast.distribution.at_horizon(place).take(chosen)
    bands = _coarse_bands(forecast, spread, place, chosen)
    for level, (low, high) in zip(_BANDS, bands, strict=True):
        for end, prices, reach in (("lo", low, np.fmin), ("hi", high, np.fmax)):
            reached = reach.reduceat(prices, starts) if len(prices) else prices
            columns[f"old_{end}{level}_"] = _Column(_units(reached, tick), goes_on=True)
    return columns


def _coarse_bands(
    forecast: Forecast, spread: Distribution, place: int, chosen: Any
) -> list[tuple[Floats, Floats]]:
    """The ends of each band in price, the narrowest first: the calibrated ones if there."""
    if forecast.bands is not None:
        ends = forecast.bands[chosen, place]
        return [(ends[:, 2 - n], ends[:, 3 + n]) for n in range(len(_BANDS))]
    median, last_close = spread.median, forecast.last_close[chosen]
    with np.errstate(over="ignore"):
        return [
            (last_close * np.exp(median - below), last_close * np.exp(median + above))
            for below, above in _reaches(spread, None, last_close)
        ]


def _starts(keys: Ints) -> Ints:
    """The first place of each run of equal keys."""
    if len(keys) == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], np.diff(keys) != 0]))


def _tick(close: Floats) -> float:
    """A power of ten: at most a millionth of a usual price, if the highest one then still fits."""
    usual = 10.0 ** math.floor(math.log10(float(np.median(close)) * 1e-6))
    least = 10.0 ** math.ceil(math.log10(float(close.max()) * 1e-9))
    return max(usual, least)


def _units(values: Floats, unit: float) -> Ints:
    """Whole multiples of a unit; what is not finite or too large is unknown."""
    scaled = np.asarray(values) / unit
    fits = np.abs(scaled) < -UNKNOWN
    return np.where(fits, np.rint(np.where(fits, scaled, 0.0)), UNKNOWN).astype(np.int64)


def _compressed(columns: Sequence[_Column]) -> bytes:
    """Zigzag, bytes by significance, gzip without a time stamp."""
    parts = []
    for column in columns:
        values = np.diff(column.values, prepend=0) if column.goes_on else column.values
        wrapped = values.astype(np.int32)  # differences of 32 bits wrap, and wrap back
        zigzag = (wrapped << 1) ^ (wrapped >> 31)
        planes = zigzag.astype("<u4").view(np.uint8).reshape(-1, 4).T
        parts.append(np.ascontiguousarray(planes).tobytes())
    return gzip.compress(b"".join(parts), compresslevel=6, mtime=0)
