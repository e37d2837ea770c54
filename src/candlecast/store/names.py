"""Names that are folders too: exchange, symbol and interval, checked before they touch a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from candlecast.errors import InputError
from candlecast.intervals import interval_text, parse_interval

_SYMBOL = re.compile(r"[A-Z0-9](?:[A-Z0-9_-]{0,38}[A-Z0-9])?")
_EXCHANGE = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
# Windows gives these to devices, whatever folder they stand in.
_DEVICE = re.compile(r"CON|PRN|AUX|NUL|(?:COM|LPT)[0-9]")


class SeriesName(NamedTuple):
    """What tells one series from another; each part is the name of a folder."""

    exchange: str
    symbol: str
    interval: str

    @property
    def folder(self) -> Path:
        """Where the series lies, from the store's root."""
        return Path(*self)

    def __str__(self) -> str:
        return "/".join(self)


def checked_name(exchange: str, symbol: str, interval: str) -> SeriesName:
    """The three names as the store writes them.

    Raises:
        InputError: If one of them cannot be.
    """
    return SeriesName(
        checked_exchange(exchange), checked_symbol(symbol), checked_interval(interval)
    )


def checked_symbol(symbol: str) -> str:
    """A symbol in capitals."""
    if not is_symbol(symbol):
        raise InputError(
            f"{symbol!r} is not a symbol for the store. Write up to 40 letters A to Z, digits and, "
            "between them, - or _, such as BTCUSDT."
        )
    return symbol.upper()


def is_symbol(symbol: str) -> bool:
    """Whether a text, in capitals, can be a symbol in the store."""
    return isinstance(symbol, str) and symbol.isascii() and _fits(_SYMBOL, symbol.upper())


def checked_exchange(exchange: str) -> str:
    """An exchange in small letters."""
    name = exchange.lower() if isinstance(exchange, str) and exchange.isascii() else ""
    if not _fits(_EXCHANGE, name):
        raise InputError(
            f"{exchange!r} is not an exchange for the store. Write up to 40 letters a to z, digits "
            "and, between them, - or _, such as binance."
        )
    return name


def checked_interval(interval: str) -> str:
    """An interval in its largest whole unit: 60m is 1h, and lies in the same folder."""
    return interval_text(parse_interval(interval))


def _fits(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch(name) is not None and _DEVICE.fullmatch(name.upper()) is None
