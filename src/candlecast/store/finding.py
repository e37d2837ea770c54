"""Which series there are, and which one a symbol means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from candlecast.errors import InputError
from candlecast.store.manifest import MANIFEST
from candlecast.store.names import (
    SeriesName,
    checked_exchange,
    checked_interval,
    checked_name,
    checked_symbol,
)

_SHOWN = 8


def names_in(
    root: Path,
    *,
    exchange: str | None = None,
    symbol: str | None = None,
    interval: str | None = None,
) -> list[SeriesName]:
    """The series in a store, in order; those of one exchange, symbol or interval if it is given.

    Raises:
        InputError: If a name that is given cannot be.
    """
    wanted = (
        None if exchange is None else checked_exchange(exchange),
        None if symbol is None else checked_symbol(symbol),
        None if interval is None else checked_interval(interval),
    )
    pattern = "/".join([*(part or "*" for part in wanted), MANIFEST])
    found = (SeriesName(*path.parts[-4:-1]) for path in root.glob(pattern))
    return sorted(name for name in found if _is_ours(name))


def find(root: Path, symbol: str, interval: str, exchange: str | None = None) -> SeriesName:
    """The one series of a symbol at an interval.

    Raises:
        InputError: If there is none, or several exchanges have one.
    """
    symbol, interval = checked_symbol(symbol), checked_interval(interval)
    return only(root, names_in(root, exchange=exchange, symbol=symbol, interval=interval), symbol)


def only(root: Path, names: list[SeriesName], symbol: str) -> SeriesName:
    """The one of these series.

    Raises:
        InputError: If there is none, or several.
    """
    if not names:
        raise InputError(f"{lacks(root, symbol)} Fetch it with: candlecast data fetch {symbol}")
    if len(names) > 1:
        raise InputError(
            f"the store in {root} has several series of {symbol}: {_listed(names)}. Say which one."
        )
    return names[0]


def lacks(root: Path, symbol: str) -> str:
    """A sentence that says that the store has no such series, and what it has."""
    held = names_in(root)
    has = f"it has {_listed(held)}" if held else "it is empty"
    return f"the store in {root} has no such series of {symbol}: {has}."


def _is_ours(name: SeriesName) -> bool:
    try:
        return checked_name(*name) == name
    except InputError:
        return False


def _listed(names: Iterable[SeriesName]) -> str:
    texts = [str(name) for name in names]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
