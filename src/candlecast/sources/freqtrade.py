"""The stores of the trading bot freqtrade: JSON rows, feather and Parquet.

JSON is a list of ``[milliseconds, open, high, low, close, volume]``; the other two are a frame of
`date`, `open`, `high`, `low`, `close`, `volume`. The pair stands in the file's name.
"""

from __future__ import annotations

import polars as pl

from candlecast.sources.raw import Raw
from candlecast.sources.tables import Table
from candlecast.sources.times import moments

LAYOUT = "freqtrade (JSON, feather, Parquet)"

_VALUES = ("open", "high", "low", "close", "volume")


def recognises(table: Table) -> bool:
    """Whether it is a frame or a JSON list of these six columns."""
    if table.columns:
        return table.form != "CSV" and table.columns == ["date", *_VALUES]
    return table.form == "JSON" and bool(table.head) and len(table.head[0]) == 6


def parse(table: Table) -> Raw:
    """The rows of one file.

    Raises:
        CandleError: If a cell is absent, not a number or no time.
    """
    cells = table.typed({role: place for place, role in enumerate(("time", *_VALUES))})
    time = moments(cells["time"])
    return Raw(pl.DataFrame([time.values, *cells.select(_VALUES)]), "freqtrade", time.unit)
