"""Another market beside the one that is forecast, as a leading input: ETH for BTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.intervals import interval_text
from candlecast.sources import read

CARRIED_AT_MOST = 15
"""Candles that another market may lack at a stretch and still have its last close carried on."""

_SYMBOL = re.compile(r"[A-Z0-9]+")
_PRICES = ("open", "high", "low", "close")

Markets = Mapping[str, Candles | str | Path]
"""Other markets by symbol: candles, or the path of a candle file."""


def with_markets(candles: Candles, markets: Markets | None) -> Candles:
    """Candles with other markets beside them; see `with_market`."""
    for symbol, other in (markets or {}).items():
        candles = with_market(candles, symbol, other if isinstance(other, Candles) else read(other))
    return candles


def with_market(candles: Candles, symbol: str, other: Candles) -> Candles:
    """Put another market's columns beside the candles, as `ETHUSDT:open` and so on.

    Candles stand beside each other that open, and so close, at the same time. A candle that the
    other market lacks is made of its past alone: its last close carried on, without a trade, for up
    to `CARRIED_AT_MOST` candles at a stretch. After those, and before its first candle, its columns
    are null and its features 0.

    Args:
        candles: The market that is forecast.
        symbol: What the other market is called; capitals and digits.
        other: The other market.

    Raises:
        InputError: If the name is not fit or taken, the intervals differ, or no candle opens at the
            same time.
    """
    symbol = checked_symbol(symbol, candles)
    if other.interval != candles.interval:
        raise InputError(
            f"the candles of {symbol} are {interval_text(other.interval)} and those of "
            f"{candles.symbol} {interval_text(candles.interval)}. Give both at the same interval."
        )
    table = _beside(candles, other.frame)
    if table["close"].null_count() == table.height:
        raise InputError(
            f"no candle of {symbol} opens together with one of {candles.symbol}: they are "
            f"{other!r} beside {candles!r}. Give files of the same time."
        )
    named = table.select(pl.all().name.prefix(f"{symbol}:"))
    return Candles(candles.frame.hstack(named), candles.symbol, candles.interval)


def checked_symbol(symbol: str, candles: Candles) -> str:
    """A symbol in capitals, if it can stand beside these candles."""
    name = symbol.upper() if isinstance(symbol, str) else ""
    if _SYMBOL.fullmatch(name) is None:
        raise InputError(
            f"'{symbol}' cannot name another market. Write capitals and digits, such as ETHUSDT."
        )
    if name in (candles.symbol.upper(), *candles.markets):
        raise InputError(
            f"{name} is among the candles already. Name another market than "
            f"{', '.join((candles.symbol, *candles.markets))}."
        )
    return name


def _beside(candles: Candles, other: pl.DataFrame) -> pl.DataFrame:
    """The other market's columns, one row for each of the candles."""
    known = other.select(column.name for column in other if column.null_count() < len(column))
    own = known.select(name for name in known.columns if ":" not in name)
    last = own.select("time", last="close")
    times = candles.frame.select("time")
    joined = times.join(own, on="time", how="left", maintain_order="left").join_asof(
        last, on="time", strategy="backward", tolerance=CARRIED_AT_MOST * candles.interval
    )
    lacks = pl.col("close").is_null()
    carried = {name: pl.col("last") for name in _PRICES}
    amounts = [name for name in own.columns if name not in ("time", *_PRICES)]
    none = pl.when(pl.col("last").is_not_null()).then(0)
    return joined.select(
        pl.when(lacks).then(carried.get(name, none)).otherwise(pl.col(name)).alias(name)
        for name in (*_PRICES, *amounts)
    )
