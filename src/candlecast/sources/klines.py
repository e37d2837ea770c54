"""Klines as exchanges of Binance's kind give them: 12 columns by place, with or without a header.

::

    1733011200000,96407.99,96497.16,96407.99,96462.69,13.4,1733011259999,1297300.2,3240,6.1,590000,0

They are open time, open, high, low, close, volume, close time, quote volume, trades, taker buy
volume, taker buy quote volume and one that means nothing. The exchange's archive has them without
a header and in milliseconds until 2024, in microseconds from 2025.
"""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl

from candlecast.candles import SCHEMA
from candlecast.sources import ohlcv
from candlecast.sources.names import plain
from candlecast.sources.raw import Raw
from candlecast.sources.tables import Table
from candlecast.sources.times import moments

LAYOUT = "exchange klines (12 columns)"

_NAME = "exchange klines"
_ROLES = (
    "time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume",
)  # fmt: skip


def recognises(table: Table) -> bool:
    """Whether there are the 12 columns (11 without the last), by name or by place."""
    if table.columns:
        names = {plain(name) for name in table.columns}
        return "closetime" in names and len(names) >= 11
    cells = table.head[0] if table.head else []
    return len(cells) in (11, 12) and all(re.match(r"\d{4}", cells[place]) for place in (0, 6))


def parse(table: Table) -> Raw:
    """The rows of one file.

    Raises:
        CandleError: If a cell is absent, not a number or no time.
    """
    if table.columns:
        return replace(ohlcv.parse(table), layout=_NAME)
    cells = table.typed({role: place for place, role in enumerate(_ROLES)})
    time, closes = moments(cells["time"]), moments(cells["close_time"])
    values = [cells[name] for name in cells.columns if name in SCHEMA and name != "time"]
    frame = pl.DataFrame([time.values, *values, closes.values.alias("close_time")])
    return Raw(frame, _NAME, time.unit)
