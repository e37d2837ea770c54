"""Parquet files whose columns have candlecast's own names.

They are `time`, `open`, `high`, `low`, `close`, `volume` and, where known, `quote_volume`,
`trades`, `taker_buy_volume` and `taker_buy_quote_volume`. The symbol is the file's name up to its
first underscore or dot, as in `BTCUSDT_1m_2021.parquet`.
"""

from __future__ import annotations

import io
import re

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import CandleError

LAYOUT = "Parquet (time, open, high, low, close, volume …)"

FIRST_ROW = "row 1"

_MAGIC = "PAR1"


def recognises(head: str) -> bool:
    """Whether the file is Parquet."""
    return head.startswith(_MAGIC)


def parse(content: bytes, name: str) -> Candles:
    """Candles from the bytes of one file.

    Raises:
        CandleError: If the file is damaged or its name holds no symbol, or by `Candles.from_frame`.
    """
    symbol = re.split(r"[_.]", name)[0].replace("-", "").upper()
    if not symbol:
        raise CandleError(
            "the file's name does not start with a symbol", "Name it like BTCUSDT_1m.parquet."
        )
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CandleError(
            "the Parquet file is cut or damaged", "Download or write it again."
        ) from error
    return Candles.from_frame(frame, symbol)
