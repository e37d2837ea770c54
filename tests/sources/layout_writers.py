"""Writes candles in every layout that is read, as the sites and tools themselves write them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable

import polars as pl

from candlecast.candles import Candles

Writer = Callable[[Candles], bytes]


def _epoch(unit: str) -> pl.Expr:
    return pl.col("time").dt.epoch("us") // {"s": 1_000_000, "ms": 1_000, "us": 1}[unit]


def _cryptodatadownload(
    candles: Candles, *, unix: pl.Expr | None, date: str | None, names: dict[str, str]
) -> pl.DataFrame:
    """The site's columns, newest first."""
    columns = {"unix": unix} if unix is not None else {}
    if date is not None:
        columns["date"] = pl.col("time").dt.strftime(date)
    values = [pl.col(theirs).alias(ours) for ours, theirs in names.items()]
    return (
        candles.frame.reverse()
        .select(
            **columns,
            symbol=pl.lit("BTC/USDT"),
            open="open",
            high="high",
            low="low",
            close="close",
        )
        .hstack(candles.frame.reverse().select(values))
    )


def _by_minute(candles: Candles) -> bytes:
    names = {"Volume BTC": "volume", "Volume USDT": "quote_volume", "tradecount": "trades"}
    table = _cryptodatadownload(candles, unix=_epoch("ms"), date="%Y-%m-%d %H:%M:%S", names=names)
    return table.write_csv().encode()


def _url_above(candles: Candles) -> bytes:
    return b"https://www.CryptoDataDownload.com\n" + _by_minute(candles)


def _fractional_seconds(candles: Candles) -> bytes:
    names = {"Volume USDT": "quote_volume", "Volume BTC": "volume"}
    unix = _epoch("s").cast(pl.Float64)
    return (
        _cryptodatadownload(candles, unix=unix, date="%Y-%m-%d %H:%M:%S", names=names)
        .write_csv()
        .encode()
    )


def _hours_of_the_day(candles: Candles) -> bytes:
    names = {"Volume BTC": "volume", "Volume USDT": "quote_volume"}
    table = _cryptodatadownload(candles, unix=None, date="%Y-%m-%d %I-%p", names=names)
    return (
        ("Timestamps are UTC timezone,https://www.x.com\n" + table.write_csv())
        .replace("\n", "\r\n")
        .encode()
    )


def _gemini(candles: Candles) -> bytes:
    table = _cryptodatadownload(
        candles, unix=_epoch("s"), date="%Y-%m-%d %H:%M:%S", names={"Volume": "volume"}
    )
    return (
        table.rename({"unix": "Unix Timestamp", "date": "Date", "symbol": "Symbol"})
        .write_csv()
        .encode()
    )


def _without_header(candles: Candles) -> bytes:
    return _by_minute(candles).partition(b"\n")[2]


def _spreadsheet(candles: Candles) -> bytes:
    """As a spreadsheet saves it: numbers rounded to six digits, dates its own way."""
    names = {"Volume BTC": "volume", "Volume USDT": "quote_volume", "tradecount": "trades"}
    table = _cryptodatadownload(candles, unix=_epoch("ms"), date="%-m/%-d/%Y %-H:%M", names=names)
    rounded = [f"{value:.5E}" for value in table["unix"]]
    return table.with_columns(unix=pl.Series(rounded)).write_csv().encode()


KLINES = (
    "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip


def _klines(candles: Candles, unit: str) -> pl.DataFrame:
    step = int(candles.interval.total_seconds() * {"ms": 1_000, "us": 1_000_000}[unit])
    return candles.frame.with_columns(
        open_time=_epoch(unit), close_time=_epoch(unit) + step - 1, ignore=pl.lit(0)
    ).select("open_time", *KLINES)


def archive(candles: Candles, unit: str = "ms") -> bytes:
    return _klines(candles, unit).write_csv(include_header=False).encode()


def klines_with_header(candles: Candles) -> bytes:
    return _klines(candles, "ms").write_csv().encode()


def _unit_changes_half_way(candles: Candles) -> bytes:
    half = len(candles) // 2
    parts = (candles.frame[:half], "ms"), (candles.frame[half:], "us")
    return b"".join(
        archive(Candles(frame, candles.symbol, candles.interval), unit) for frame, unit in parts
    )


def zipped(content: bytes, name: str = "BTCUSDT-1m.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return packed.getvalue()


def _freqtrade_rows(candles: Candles) -> bytes:
    rows = candles.frame.select(_epoch("ms"), "open", "high", "low", "close", "volume").rows()
    return json.dumps(rows).encode()


def _freqtrade_frame(candles: Candles) -> pl.DataFrame:
    return candles.frame.select("open", "high", "low", "close", "volume").insert_column(
        0, candles.frame["time"].alias("date")
    )


def _feather(candles: Candles) -> bytes:
    file = io.BytesIO()
    _freqtrade_frame(candles).write_ipc(file)
    return file.getvalue()


def _arrow_stream(candles: Candles) -> bytes:
    file = io.BytesIO()
    candles.frame.write_ipc_stream(file)
    return file.getvalue()


def parquet(candles: Candles) -> bytes:
    file = io.BytesIO()
    candles.frame.write_parquet(file)
    return file.getvalue()


def plain_csv(candles: Candles) -> bytes:
    return candles.frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def _json_objects(candles: Candles) -> bytes:
    table = candles.frame.with_columns(time=_epoch("ms"))
    return json.dumps(table.to_dicts()).encode()


def _json_columns(candles: Candles) -> bytes:
    table = candles.frame.with_columns(time=_epoch("s"))
    return json.dumps(table.to_dict(as_series=False)).encode()


WRITERS: dict[str, Writer] = {
    "CryptoDataDownload, by minute": _by_minute,
    "CryptoDataDownload, a URL above": _url_above,
    "CryptoDataDownload, fractional seconds, volumes the other way": _fractional_seconds,
    "CryptoDataDownload, one volume, Unix Timestamp": _gemini,
    "CryptoDataDownload, without a header": _without_header,
    "CryptoDataDownload, damaged by a spreadsheet": _spreadsheet,
    "archive, milliseconds": archive,
    "archive, microseconds": lambda candles: archive(candles, "us"),
    "archive, the unit changes half-way": _unit_changes_half_way,
    "archive, zipped": lambda candles: zipped(archive(candles)),
    "klines with a header": klines_with_header,
    "freqtrade JSON": _freqtrade_rows,
    "freqtrade feather": _feather,
    "Arrow stream": _arrow_stream,
    "Parquet": parquet,
    "plain CSV": plain_csv,
    "plain CSV, semicolons": lambda candles: candles.frame.write_csv(separator=";").encode(),
    "plain CSV, UTF-16": lambda candles: plain_csv(candles).decode().encode("utf-16"),
    "plain CSV, BOM and CRLF": lambda candles: (
        b"\xef\xbb\xbf" + plain_csv(candles).replace(b"\n", b"\r\n")
    ),
    "plain CSV, gzip": lambda candles: gzip.compress(plain_csv(candles)),
    "JSON objects": _json_objects,
    "JSON columns": _json_columns,
}
HOURLY: dict[str, Writer] = {"CryptoDataDownload, hours such as 03-AM": _hours_of_the_day}
