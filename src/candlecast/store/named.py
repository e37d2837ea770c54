"""A symbol where a file path is asked for: BTCUSDT, binance/BTCUSDT or BTCUSDT/1h."""

from __future__ import annotations

from pathlib import Path

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.store.finding import lacks, names_in, only
from candlecast.store.names import checked_exchange, checked_interval, is_symbol
from candlecast.store.store import Store

_USUAL = "1m"


def read_named(text: str | Path) -> Candles | None:
    """The store's candles of a symbol; None if a path of that name exists, or no symbol could.

    Args:
        text: ``[EXCHANGE/]SYMBOL[/INTERVAL]``, as the store's folders are named. Without an
            interval it is 1m, or the only one that there is.

    Raises:
        InputError: If it could be a symbol and the store has none such, or several.
    """
    parts = _parts(text)
    if parts is None or Path(text).exists():
        return None
    exchange, symbol, interval = parts
    store = Store()
    names = names_in(store.root, exchange=exchange, symbol=symbol, interval=interval)
    if not names:
        raise InputError(
            f"{text}: there is no such file, and {lacks(store.root, symbol)} Check the path, or "
            f"fetch the candles: candlecast data fetch {symbol} --since YYYY-MM-DD"
        )
    usual = [name for name in names if name.interval == _USUAL]
    name = only(store.root, usual or names, symbol)
    return store.read(name.symbol, name.interval, exchange=name.exchange)


def _parts(text: str | Path) -> tuple[str | None, str, str | None] | None:
    """Exchange, symbol and interval, as far as they are said."""
    parts = (text.as_posix() if isinstance(text, Path) else text).split("/")
    interval = _interval(parts[-1]) if len(parts) > 1 else None
    if interval is not None:
        parts.pop()
    exchange = _exchange(parts[0]) if len(parts) > 1 else None
    if exchange is not None:
        parts = parts[1:]
    return (
        (exchange, parts[0].upper(), interval) if len(parts) == 1 and is_symbol(parts[0]) else None
    )


def _interval(text: str) -> str | None:
    try:
        return checked_interval(text)
    except InputError:
        return None


def _exchange(text: str) -> str | None:
    try:
        return checked_exchange(text)
    except InputError:
        return None
