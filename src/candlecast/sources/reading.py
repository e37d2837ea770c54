"""From a path to `Candles`: unpack, open, recognise, join, repair, validate."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import CandleError, InputError
from candlecast.intervals import interval_text, parse_interval
from candlecast.quality.facts import Quality, facts
from candlecast.quality.repairs import Repairs, by_time, inferred_interval, repaired
from candlecast.quality.rows import Rows
from candlecast.sources import cryptodatadownload, freqtrade, klines, ohlcv
from candlecast.sources.containers import members
from candlecast.sources.frame_table import frame_table
from candlecast.sources.joining import Part, joined
from candlecast.sources.opening import opened
from candlecast.sources.raw import Raw
from candlecast.sources.symbols import symbol_of
from candlecast.sources.tables import Table
from candlecast.sources.text_table import TextTable
from candlecast.store.named import read_named

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = "str | Path | pl.DataFrame | pd.DataFrame"
"""Where candles are read from: a path, the name of a series in the store, or a frame."""

LAYOUTS: tuple[ModuleType, ...] = (cryptodatadownload, klines, freqtrade, ohlcv)
"""Asked in this order. A layout is a module with `LAYOUT`, `recognises` and `parse`."""

_TELLING_ROWS = 30

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the user said of a file beside its path; see `read`."""

    symbol: str | None = None
    interval: timedelta | None = None
    columns: Mapping[str, str] | None = None
    repairs: Repairs = field(default_factory=Repairs)


def asked(
    symbol: str | None,
    interval: str | timedelta | None,
    columns: Mapping[str, str] | None,
    repairs: Repairs | Mapping[str, str] | None,
) -> Asked:
    """The arguments of `read`, checked."""
    if columns is not None and not isinstance(columns, Mapping):
        raise InputError('columns: give a mapping such as {"open": "o"}.')
    length = parse_interval(interval) if isinstance(interval, str) else interval
    return Asked(symbol, length, columns or None, Repairs.of(repairs))


def read(
    path: Source,
    *,
    symbol: str | None = None,
    interval: str | timedelta | None = None,
    columns: Mapping[str, str] | None = None,
    repairs: Repairs | Mapping[str, str] | None = None,
) -> Candles:
    """Read candles: a file, an archive, a folder or a glob of several as one series.

    The layout is recognised by content. What was repaired is logged as a warning.

    Args:
        path: A CSV, Parquet, Arrow or JSON file in any layout that is known, packed by gzip or zip
            or not; a folder of such files; a pattern such as ``months/*.zip``; or a Polars or
            pandas frame. Where nothing of that name exists, a symbol in the store:
            ``[EXCHANGE/]SYMBOL[/INTERVAL]``; what follows is of files and frames, and refused with
            it.
        symbol: The market; None takes it from the rows or the file's name.
        interval: From one open to the next, such as ``1m``; None takes the most common step.
        columns: What the file calls a column of candles, such as ``{"open": "o"}``.
        repairs: What to do with rows that break a promise of `Candles`; None gives the safe
            defaults of `Repairs`.

    Returns:
        The candles, oldest first, validated.

    Raises:
        InputError: If a file is absent, empty, cut short, of an unknown layout, or holds a candle
            that is not valid; the message names the file and the line.
    """
    want = asked(symbol, interval, columns, repairs)
    stored = _stored(path, want)
    if stored is not None:
        return stored
    rows = raw_rows(path, want)
    candles, counts = _candles(rows, want)
    for repair, count in counts.items():
        _log.warning("%s: %s row%s (%s)", rows.name, f"{count:,}", "s" if count > 1 else "", repair)
    return candles


def read_with_report(
    path: Source,
    *,
    symbol: str | None = None,
    interval: str | timedelta | None = None,
    columns: Mapping[str, str] | None = None,
    repairs: Repairs | Mapping[str, str] | None = None,
) -> tuple[Candles, Quality]:
    """Read candles, and say what was found and repaired; see `read`."""
    want = asked(symbol, interval, columns, repairs)
    rows = raw_rows(path, want)
    candles, counts = _candles(rows, want)
    return candles, replace(facts(rows, want.interval), repairs=counts)


def check(
    path: Source,
    *,
    symbol: str | None = None,
    interval: str | timedelta | None = None,
    columns: Mapping[str, str] | None = None,
    repairs: Repairs | Mapping[str, str] | None = None,
) -> Quality:
    """What is found in a file, even where a repair policy stops; see `read` for the arguments.

    Raises:
        InputError: If the file cannot be read at all.
    """
    want = asked(symbol, interval, columns, repairs)
    rows = raw_rows(path, want)
    try:
        quality = facts(rows, want.interval)
    except CandleError as error:
        raise InputError(error.describe(rows.place(error.row))) from error
    try:
        _, counts = _candles(rows, want)
    except InputError as error:
        return replace(quality, stopped=str(error))
    return replace(quality, repairs=counts)


def raw_rows(path: Source, want: Asked) -> Rows:
    """The rows of all files, or of a frame or the store's series, joined and unrepaired.

    Raises:
        InputError: If a file cannot be read, or the files are of different markets.
    """
    stored = _stored(path, want)
    if stored is not None:
        raw = Raw(stored.frame, "the store", "date-times")
        return joined([Part(str(path), "row", 1, raw)], stored.symbol)
    parts, symbol = _parts(path, want)
    _check_one_interval(parts)
    return joined(parts, symbol)


def _stored(path: Source, want: Asked) -> Candles | None:
    """The store's candles, if the path names a series; its symbol and columns are known.

    Raises:
        InputError: If something was said that is to be said of files alone.
    """
    candles = read_named(path) if isinstance(path, str | Path) else None
    if candles is not None and want != Asked():
        raise InputError(
            f"{path}: these are candles of the store, which knows them; symbol, interval, columns "
            "and repairs are for files. Leave them out; another series is EXCHANGE/SYMBOL/INTERVAL."
        )
    return candles


def _parts(path: Source, want: Asked) -> tuple[list[Part], str]:
    """Each file's rows; its bytes are let go before the rows are joined."""
    if not isinstance(path, str | Path):
        part, symbol = _part("the frame", "", partial(frame_table, path), want)
        return [part], symbol
    named = (want.columns or {}).values()
    parts: list[Part] = []
    symbols: list[str] = []
    for member in members(path):
        part, symbol = _part(
            member.place, member.name, partial(opened, member.content, named), want
        )
        parts.append(part)
        symbols.append(symbol)
        if symbol != symbols[0]:
            raise InputError(
                f"{member.place}: these are candles of {symbol}, and {parts[0].place} has "
                f"{symbols[0]}. Read one market at a time."
            )
    return parts, symbols[0]


def _check_one_interval(parts: Sequence[Part]) -> None:
    """Files of one series have one interval; a file of a few rows does not tell its own."""
    told = [
        (part.place, inferred_interval(by_time(part.raw.frame)["time"]))
        for part in (parts if len(parts) > 1 else ())
        if part.raw.frame.height >= _TELLING_ROWS
    ]
    for place, interval in told:
        if interval != told[0][1]:
            raise InputError(
                f"{place}: these are candles of {_text(interval)}, and {told[0][0]} has "
                f"{_text(told[0][1])}. "
                "Read one interval at a time."
            )


def _text(interval: timedelta) -> str:
    whole = not interval % timedelta(seconds=1)
    return interval_text(interval) if whole else str(interval)


def _part(place: str, name: str, opening: Callable[[], Table], want: Asked) -> tuple[Part, str]:
    """One file's rows, and its market."""
    unit, first = "row", 1
    try:
        table = opening()
        unit, first = table.first
        raw = _parsed(table, want)
        symbol = want.symbol or raw.symbol or symbol_of(name)
        if symbol is None:
            raise CandleError(
                "the file's name does not start with a symbol"
                if name
                else "its market is not told",
                'Name it like BTCUSDT_1m.parquet, or give symbol="BTCUSDT".'
                if name
                else 'Give symbol="BTCUSDT", or such.',
            )
    except CandleError as error:
        where = "" if error.row is None else f", {unit} {first + error.row}"
        raise InputError(error.describe(f"{place}{where}: ")) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{place}: {_UNREADABLE}") from error
    return Part(place, unit, first, raw), symbol


_UNREADABLE = "the values cannot be read as candles. Is the file damaged? Download it again."


def _parsed(table: Table, want: Asked) -> Raw:
    if want.columns:
        return ohlcv.parse(table, want.columns)
    for layout in LAYOUTS:
        if layout.recognises(table):
            raw = layout.parse(table)
            assert isinstance(raw, Raw)
            return raw
    raise CandleError(
        f"the layout is not known ({_shown(table)})",
        f"Known layouts: {', '.join(layout.LAYOUT for layout in LAYOUTS)}. If the columns are "
        'called otherwise, say so with columns={"time": "its name", "open": …}; for any other '
        "layout, build the table yourself and pass it to candlecast.Candles.from_frame.",
    )


def _shown(table: Table) -> str:
    if not isinstance(table, TextTable):
        return f"its columns are {', '.join(table.columns[:12]) or 'without names'}"
    text = table.content[:400].decode("utf-8", errors="replace").strip()
    line = text.partition("\n")[0][:80].rstrip()
    return f"the first line is {line!r}"


def _candles(rows: Rows, want: Asked) -> tuple[Candles, dict[str, int]]:
    """Repair and validate; an error names the file and the line."""
    try:
        done = repaired(rows, want.repairs, want.interval)
    except CandleError as error:
        raise InputError(error.describe(rows.place(error.row))) from error
    try:
        return Candles.from_frame(done.frame, rows.symbol, done.interval), done.counts
    except CandleError as error:
        row = None if error.row is None else done.frame["row"][error.row]
        raise InputError(error.describe(rows.place(row))) from error
