"""Files of the download site CryptoDataDownload, in all the layouts it had over the years.

The layout of its Binance minute files, newest row first, the coin's names in the volume columns::

    unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount
    1628125500000,2021-08-05 01:05:00,BTC/USDT,39369.67,39394.0,39338.5,39361.0,38.9,1533056,2341

`unix` is the open time in seconds or milliseconds and `date` the same moment as text; where both
stand, both are read and must agree. Older files have no `unix`, a banner line above the header,
hours such as ``03-AM``, the volumes in another order or no trade count.
"""

from __future__ import annotations

import re

import polars as pl

from candlecast.candles import REQUIRED
from candlecast.checks import check_columns, first_true
from candlecast.errors import CandleError
from candlecast.sources.names import plain, roles_of
from candlecast.sources.raw import Raw
from candlecast.sources.symbols import base_and_quote
from candlecast.sources.tables import Table
from candlecast.sources.times import Moments, agreeing_moments, moments

LAYOUT = "CryptoDataDownload (unix,date,symbol,open,high,low,close,Volume …)"

_PRICES = ("open", "high", "low", "close")
_HEADLESS = ("unix", "date", "symbol", *_PRICES)
_TIMES = {"unix", "date", "unixtimestamp", "timestamp", "time"}


def recognises(table: Table) -> bool:
    """Whether the columns are those of this layout, by name or, without names, by content."""
    names = {plain(name) for name in table.columns}
    if names:
        return "symbol" in names and bool(names & _TIMES)
    return bool(table.head) and _is_headless_row(table.head[0])


def _is_headless_row(cells: list[str]) -> bool:
    return (
        9 <= len(cells) <= 10
        and re.fullmatch(r"[\d.]+([eE]\+?\d+)?", cells[0]) is not None
        and re.match(r"\d{4}-\d|\d{1,2}/\d", cells[1]) is not None
        and base_and_quote(cells[2]) is not None
    )


def parse(table: Table) -> Raw:
    """The rows of one file.

    Raises:
        CandleError: If a column is missing, a cell is absent or not a number, `unix` and `date`
            disagree, or more than one symbol is in the file.
    """
    roles, volumes = _places(table)
    cells = table.typed(roles | volumes)
    symbol = _symbol(cells["symbol"])
    base, quote = _base_and_quote(symbol, list(volumes))
    named = _volumes(cells, list(volumes), base, quote)
    time, notes = _times(cells)
    kept = [name for name in (*_PRICES, "trades") if name in cells.columns]
    frame = pl.DataFrame([time.values, *cells.select(kept), *named])
    return Raw(frame, LAYOUT.partition(" ")[0], time.unit, base + quote, notes)


def _places(table: Table) -> tuple[dict[str, int], dict[str, int]]:
    """The places of the known columns, and of the volumes by the coin in their name."""
    if not table.columns:
        width = len(table.head[0])
        roles = dict(zip(_HEADLESS, range(7), strict=True))
        return roles | ({"trades": 9} if width == 10 else {}), {"Volume 1": 7, "Volume 2": 8}
    columns = table.columns
    if "" in columns[1:]:  # a nameless first column is the index that pandas writes
        raise CandleError(
            f"the header's column {columns.index('', 1) + 1} has no name",
            "Remove a comma too many, or name the column.",
        )
    small = [name.lower() for name in columns]
    check_columns(_PRICES, small)
    places = {
        name: place for place, name in enumerate(columns) if name.lower().startswith("volume")
    }
    roles = roles_of(["" if name in places else name for name in columns])
    return {
        role: roles[role]
        for role in roles
        if role not in REQUIRED or role in _PRICES or role == "time"
    }, places


def _symbol(cells: pl.Series) -> str:
    """The one symbol of the file."""
    symbol = str(cells[0])
    row = first_true((cells != symbol).fill_null(value=True))
    if row is not None:
        raise CandleError(
            f"symbol is {cells[row]} where the rows before have {symbol}",
            "Keep one symbol a file.",
            row,
        )
    return symbol


def _base_and_quote(symbol: str, volumes: list[str]) -> tuple[str, str]:
    """The coin and what it is priced in, by the symbol and, without a slash, the volumes' names."""
    coins = [name.split()[-1].upper() for name in volumes if len(name.split()) > 1]
    for base in coins:
        if symbol.upper().startswith(base) and symbol.upper().removeprefix(base) in coins:
            return base, symbol.upper().removeprefix(base)
    found = base_and_quote(symbol)
    if found is None:
        raise CandleError(f"symbol '{symbol}' is not BASE/QUOTE", "Expected for instance BTC/USDT.")
    return found


def _volumes(cells: pl.DataFrame, names: list[str], base: str, quote: str) -> list[pl.Series]:
    """The volume columns by their coin's name, whatever their order."""
    coins = {name: name.split()[-1].upper() for name in names}
    if names[:1] == ["Volume 1"]:
        coins = _told_by_price(cells, base, quote)
    ours = {base: "volume", "VOLUME": "volume", quote: "quote_volume"}
    found = {ours[coin]: name for name, coin in coins.items() if coin in ours}
    if "volume" not in found:
        check_columns([f"Volume {base}"], names)
    return [cells[name].cast(pl.Float64).alias(role) for role, name in sorted(found.items())]


def _told_by_price(cells: pl.DataFrame, base: str, quote: str) -> dict[str, str]:
    """Which of two nameless volumes is of the coin: that which, times the price, is the other."""
    first, second, price = cells["Volume 1"], cells["Volume 2"], cells["close"]
    apart = {
        order: ((one * price / other - 1).abs().fill_nan(None) < 0.2).sum() / len(price)
        for order, one, other in (((base, quote), first, second), ((quote, base), second, first))
    }
    best = max(apart, key=lambda order: apart[order])
    if apart[best] < 0.5 or min(apart.values()) > 0.5:
        raise CandleError(
            "the file has no header, and its prices do not tell which volume is of the coin",
            "Add the header line, with names such as Volume BTC and Volume USDT.",
        )
    return {"Volume 1": best[0], "Volume 2": best[1]}


def _times(cells: pl.DataFrame) -> tuple[Moments, tuple[str, ...]]:
    number = next((name for name in ("unix", "time") if name in cells.columns), None)
    if number is not None and "date" in cells.columns:
        return agreeing_moments(cells[number], cells["date"])
    return moments(cells[number or "date"]), ()
