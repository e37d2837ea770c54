"""Files of the download site CryptoDataDownload, in the layout of its Binance minute files.

One header line, newest row first, the coin's names in the volume columns::

    unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount
    1628125500000,2021-08-05 01:05:00,BTC/USDT,39369.67,39394.0,39338.5,39361.0,38.9,1533056,2341

`unix` is the open time in milliseconds and `date` the same moment as text; both are read and must
agree.
"""

from __future__ import annotations

import csv

import polars as pl

from candlecast.candles import TIME, Candles
from candlecast.checks import check_columns, first_true
from candlecast.errors import CandleError

LAYOUT = "CryptoDataDownload (unix,date,symbol,open,high,low,close,Volume …)"

FIRST_ROW = "line 2"

_BYTE_ORDER_MARK = "\ufeff"
_MARKS = {"unix", "date", "symbol"}
_PRICES = ("open", "high", "low", "close")


def recognises(head: str) -> bool:
    """Whether the file starts with the header line of this layout."""
    return set(_header(head)) >= _MARKS


def parse(content: bytes, name: str = "") -> Candles:
    """Candles from the bytes of one file; its name tells nothing that the file does not.

    Raises:
        CandleError: If a column is missing, a cell is absent or not a number, `unix` and `date`
            disagree, more than one symbol is in the file, or a candle is not valid.
    """
    del name
    content = content.removeprefix(_BYTE_ORDER_MARK.encode()).rstrip() + b"\n"
    header = _header(content[:4096].decode("utf-8", errors="replace"))
    if "" in header:
        raise CandleError(
            f"the header's column {header.index('') + 1} has no name",
            "Remove a comma too many, or name the column.",
        )
    check_columns(_PRICES, header)
    if not content.partition(b"\n")[2].strip():
        raise CandleError("there is a header and no candle", "Give a file with candles.")
    table = _table(content, header)
    _check_cells(table)
    symbol = _symbol(table)
    base, quote = symbol.split("/")
    check_columns([f"Volume {base}"], header)
    _check_dates(table)
    frame = table.select(
        time=pl.from_epoch("unix", time_unit="ms").dt.replace_time_zone("UTC").cast(TIME),
        **{name: pl.col(name) for name in _PRICES},
        **_volumes(table, base, quote),
    )
    return Candles.from_frame(frame, base + quote)


def _header(head: str) -> list[str]:
    lines = head.removeprefix(_BYTE_ORDER_MARK).splitlines()
    return [name.strip() for name in next(csv.reader(lines[:1]), [])]


def _table(content: bytes, header: list[str]) -> pl.DataFrame:
    """Every cell in its type; a cell that does not parse is named by its row."""
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(header, pl.Float64)
    schema |= {"unix": pl.Int64, "date": pl.String, "symbol": pl.String}
    if "tradecount" in schema:
        schema["tradecount"] = pl.Int64
    try:
        return _read_csv(content, schema)
    except pl.exceptions.PolarsError as error:
        _name_unreadable_cell(content, schema)
        raise CandleError(
            f"a line has other fields than the header's {len(header)}",
            "Every line needs the fields of the header and no more. Download the file again.",
        ) from error


def _read_csv(content: bytes, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.read_csv(
        content,
        has_header=False,
        skip_rows=1,
        schema=schema,
        encoding="utf8-lossy",
    )


def _name_unreadable_cell(content: bytes, schema: dict[str, type[pl.DataType]]) -> None:
    """Read the cells as text (slow, so only after a failure) and raise for the first bad one."""
    try:
        text = _read_csv(content, dict.fromkeys(schema, pl.String))
    except pl.exceptions.PolarsError:
        return
    for name, dtype in schema.items():
        cells = text[name]
        row = first_true(cells.cast(dtype, strict=False).is_null() & cells.is_not_null())
        if row is not None:
            raise CandleError(
                f"'{cells[row]}' in column {name} is not a number", "Correct the line.", row
            )


def _check_cells(table: pl.DataFrame) -> None:
    """A line with fewer fields than the header was cut, or lost a value."""
    for column in table:
        row = first_true(column.is_null())
        if row is not None:
            raise CandleError(
                f"{column.name} is missing, the line may be cut short",
                "Complete the line, or download the file again.",
                row,
            )


def _symbol(table: pl.DataFrame) -> str:
    """The one symbol of the file, as ``BASE/QUOTE``."""
    symbol = str(table["symbol"][0])
    row = first_true(table["symbol"] != symbol)
    if row is not None:
        raise CandleError(
            f"symbol is {table['symbol'][row]} where the rows before have {symbol}",
            "Keep one symbol a file.",
            row,
        )
    if symbol.count("/") != 1:
        raise CandleError(f"symbol '{symbol}' is not BASE/QUOTE", "Expected for instance BTC/USDT.")
    return symbol


def _check_dates(table: pl.DataFrame) -> None:
    """`date` says the same moment as `unix`, so the unit of `unix` is not guessed."""
    date = table["date"].str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", strict=False)
    row = first_true((date.to_physical() != table["unix"]).fill_null(value=True))
    if row is not None:
        raise CandleError(
            f"date '{table['date'][row]}' and unix {table['unix'][row]} are not the same moment",
            "unix is the open time in milliseconds, date the same as YYYY-MM-DD HH:MM:SS, UTC.",
            row,
        )


def _volumes(table: pl.DataFrame, base: str, quote: str) -> dict[str, pl.Expr]:
    """The volume columns by their coin's name, whatever their order."""
    names = {
        "volume": f"Volume {base}",
        "quote_volume": f"Volume {quote}",
        "trades": "tradecount",
    }
    return {ours: pl.col(theirs) for ours, theirs in names.items() if theirs in table.columns}
