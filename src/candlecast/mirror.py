"""The columns of a market turned upside down; see `Candles.mirrored`."""

from __future__ import annotations

import polars as pl


def mirror(table: pl.DataFrame, prefix: str = "") -> list[pl.Expr]:
    """The mirrored columns of one market, as expressions over the table as it is.

    Args:
        table: Candles.
        prefix: What the names of the market's columns begin with; see `Market`.
    """
    closes = table[f"{prefix}close"].drop_nulls()
    axis = closes[0] ** 2 if len(closes) else 1.0
    mirrored = _prices(prefix, axis) | _flows(table, prefix, axis)
    return [column.alias(name) for name, column in mirrored.items()]


def _prices(prefix: str, axis: float) -> dict[str, pl.Expr]:
    swapped = {"open": "open", "high": "low", "low": "high", "close": "close"}
    return {f"{prefix}{name}": axis / pl.col(prefix + other) for name, other in swapped.items()}


def _flows(table: pl.DataFrame, prefix: str, axis: float) -> dict[str, pl.Expr]:
    """What takers sold becomes what they bought.

    With mean price m = quote / volume, the mirrored one is axis / m. Takers who bought paid
    e = paid / (m volume) - bought / volume more than their share of the quote volume, and those who
    sold got as much less. Those who now buy pay the same e more.
    """
    volume, quote, bought, paid = (
        pl.col(prefix + name)
        for name in ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    )
    nothing = (volume == 0) | (quote == 0)
    turned = axis * (volume / quote) ** 2 * (paid + quote - 2 * bought * (quote / volume))
    flows = {
        "quote_volume": pl.when(nothing).then(quote).otherwise(axis * volume**2 / quote),
        # Rounding may leave a side just below 0.
        "taker_buy_volume": (volume - bought).clip(lower_bound=0.0),
        "taker_buy_quote_volume": pl.when(nothing).then(paid).otherwise(turned.clip(0.0)),
    }
    return {
        prefix + name: flow
        for name, flow in flows.items()
        if {prefix + name, *flow.meta.root_names()} <= set(table.columns)
    }
