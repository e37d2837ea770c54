"""The archive's CSV: klines in 12 columns without a header, as strictly as the archive writes them.

Open time, open, high, low, close, volume, close time, quote volume, trades, taker buy volume, taker
buy quote volume, and a field without meaning. Open times are milliseconds through 2024 and
microseconds from 2025; each value's size says which.
"""

from __future__ import annotations

import polars as pl

from candlecast.candles import TIME
from candlecast.checks import first_true
from candlecast.errors import CandleError

_COLUMNS: dict[str, type[pl.DataType]] = {
    "time": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "close_time": pl.Int64,
    "quote_volume": pl.Float64,
    "trades": pl.Int64,
    "taker_buy_volume": pl.Float64,
    "taker_buy_quote_volume": pl.Float64,
    "without_meaning": pl.String,
}

_FIRST_IN_MICROSECONDS = 100_000_000_000_000  # as milliseconds the year 5138
_DAMAGED = "Download the file again."


def kline_table(content: bytes) -> pl.DataFrame:
    """The rows of a file as they stand, `time` in UTC; whether the candles are possible is left.

    Raises:
        CandleError: If a line has not 12 fields, or one that is no number.
    """
    try:
        table = pl.read_csv(content, has_header=False, schema=_COLUMNS)
    except pl.exceptions.NoDataError:
        table = pl.DataFrame(schema=_COLUMNS)
    except pl.exceptions.PolarsError as error:
        raise CandleError("a line is not 12 numbers with commas between", _DAMAGED) from error
    row = first_true(table.select(pl.any_horizontal(pl.all().is_null())).to_series())
    if row is not None:
        raise CandleError("a field is empty, the line may be cut", _DAMAGED, row)
    time = pl.col("time")
    in_us = pl.when(time >= _FIRST_IN_MICROSECONDS).then(time).otherwise(time * 1000)
    return table.drop("close_time", "without_meaning").with_columns(
        time=in_us.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(TIME)
    )
