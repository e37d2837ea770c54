"""Other futures: tables that agree with some candles up to a row and differ after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from candlecast.candles import Candles
from candlecast.distributions import Floats

FUTURE = "changing, shuffling and deleting what comes after"
"""What a check with all of them tries, in words."""

_WIDEST_FACTOR = 4.0  # beyond the range of any stretch that is audited, so that extremes move too
_PRICES = ("open", "high", "low", "close")


def other_futures(candles: Candles, origin: int, seed: int = 0) -> dict[str, Candles]:
    """Every way to change what comes after a row.

    Args:
        candles: The candles.
        origin: The last row that stays as it is; -1 leaves none.
        seed: Of the random values and of the order.

    Returns:
        By the way in one word: ``changed``, ``shuffled``, ``deleted``.
    """
    return {way: other_future(candles, origin, way, seed) for way in _WAYS}


def other_future(candles: Candles, origin: int, way: str, seed: int = 0) -> Candles:
    """One of the `other_futures`.

    Args:
        candles: The candles.
        origin: The last row that stays as it is; -1 leaves none.
        way: The way to change what comes after it, in one word.
        seed: Of the random values and of the order.
    """
    return _WAYS[way](candles, origin, seed)


def change_after(candles: Candles, origin: int, seed: int = 0) -> Candles:
    """Other prices, volumes and counts after a row, valid ones, of all markets; the times stay.

    A row's new values depend on the seed and the row alone and not on the origin, so a value that
    reads up to row r changes for every origin before r and for none from r on.

    Args:
        candles: The candles.
        origin: The last row that stays as it is.
        seed: Of the random values.
    """
    rng = np.random.default_rng(seed)
    table = candles.frame
    after = pl.int_range(pl.len()) > origin
    others: dict[str, Floats] = {}
    for prefix in ("", *(f"{symbol}:" for symbol in candles.markets)):
        others |= _other_prices(table, rng, prefix)
    others |= _other_amounts(table, rng)
    changed = table.with_columns(
        pl.when(after)
        .then(pl.Series(values, nan_to_null=True).cast(table.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name, values in others.items()
    )
    return Candles(changed, candles.symbol, candles.interval)


def shuffle_after(candles: Candles, origin: int, seed: int = 0) -> Candles:
    """The candles after a row in another order; the times stay in theirs.

    Args:
        candles: The candles.
        origin: The last row that stays where it is.
        seed: Of the order.
    """
    order = np.arange(len(candles))
    np.random.default_rng(seed).shuffle(order[origin + 1 :])
    shuffled = candles.frame[order].with_columns(candles.frame["time"])
    return Candles(shuffled, candles.symbol, candles.interval)


def delete_after(candles: Candles, origin: int) -> Candles:
    """No candles after a row.

    Args:
        candles: The candles.
        origin: The last row that is kept.
    """
    return Candles(candles.frame[: origin + 1], candles.symbol, candles.interval)


_WAYS: dict[str, Callable[[Candles, int, int], Candles]] = {
    "changed": change_after,
    "shuffled": shuffle_after,
    "deleted": lambda candles, origin, _seed: delete_after(candles, origin),
}


def _other_prices(table: pl.DataFrame, rng: np.random.Generator, prefix: str) -> dict[str, Floats]:
    """Open and close move apart and the range is drawn anew: ratios change with the level."""
    opened, closed = (
        table[prefix + name].to_numpy() * _factors(rng, len(table)) for name in _PRICES[::3]
    )
    prices = {
        "open": opened,
        "high": np.maximum(opened, closed) * rng.uniform(1.0, 2.0, len(table)),
        "low": np.minimum(opened, closed) * rng.uniform(0.5, 1.0, len(table)),
        "close": closed,
    }
    return {prefix + name: values for name, values in prices.items()}


def _other_amounts(table: pl.DataFrame, rng: np.random.Generator) -> dict[str, Floats]:
    """Volumes and counts; one more to each, so that a 0 changes too. Takers stay below volume."""
    factors = _factors(rng, len(table))
    return {
        column.name: (column.to_numpy() + 1)
        * factors
        * (1.0 if _plain(column.name) == "volume" else rng.uniform(0.3, 1.0, len(table)))
        for column in table
        if column.dtype.is_numeric() and _plain(column.name) not in _PRICES
    }


def _plain(column: str) -> str:
    """A column's name without the market that it is of."""
    return column.rpartition(":")[2]


def _factors(rng: np.random.Generator, rows: int) -> Floats:
    widest = np.log(_WIDEST_FACTOR)
    return np.exp(rng.uniform(-widest, widest, rows))
