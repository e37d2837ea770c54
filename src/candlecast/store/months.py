"""Candles as month files: cut by month, encoded, decoded, and merged with what is there."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from candlecast.candles import SCHEMA, Candles
from candlecast.errors import InputError
from candlecast.intervals import interval_text
from candlecast.store.manifest import Month
from candlecast.store.spans import Span

_NEW = "|new"


def by_month(candles: Candles) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each month's name, as `YYYY-MM`, and its candles with every column of the store."""
    month = pl.col("time").dt.strftime("%Y-%m").alias("month")
    table = full_width(candles.frame).with_columns(month)
    for part in table.partition_by("month", maintain_order=True):
        yield part["month"][0], part.drop("month")


def full_width(table: pl.DataFrame) -> pl.DataFrame:
    """All columns that candles can have, null where not known: all month files are alike."""
    return table.select(
        pl.col(name) if name in table.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in SCHEMA.items()
    )


def known_columns(table: pl.DataFrame) -> list[str]:
    """The columns that hold any value."""
    return [column.name for column in table if column.null_count() < len(column)]


def encoded(table: pl.DataFrame) -> bytes:
    """The month file."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def decoded(content: bytes) -> pl.DataFrame:
    """The candles of a month file.

    Raises:
        ValueError: If it is no such file; the message says why.
    """
    try:
        table = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError("it is not Parquet, or cut") from error
    if table.schema != pl.Schema(SCHEMA):
        raise ValueError("its columns are not those of the store")
    return table


def described(table: pl.DataFrame, content: bytes, symbol: str, interval: timedelta) -> Month:
    """What the manifest says of a month file, of generation 0."""
    columns = known_columns(table)
    return Month(
        rows=table.height,
        first=table["time"][0],
        last=table["time"][-1],
        columns=tuple(columns),
        content_sha256=Candles(table.select(columns), symbol, interval).sha256,
        file_sha256=sha256(content),
        size=len(content),
        generation=0,
    )


def sha256(content: bytes) -> str:
    """A hash of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def stretches(table: pl.DataFrame, interval: timedelta) -> list[Span]:
    """The stretches of open times without a gap."""
    if table.is_empty():
        return []
    candles = Candles(table.select("time"), "", interval)
    edges = [candles.first, *candles.gaps["before"]], [*candles.gaps["after"], candles.last]
    return [Span(first, last + interval) for first, last in zip(*edges, strict=True)]


def merged(old: pl.DataFrame, new: pl.DataFrame, *, newer_wins: bool) -> tuple[pl.DataFrame, int]:
    """Two tables of one month as one, and how many candles of the old were replaced.

    Candles agree if all that both know of them is equal; what only one knows is kept. One that does
    not agree is the newer's altogether, for what the old knew besides is of another candle.

    Raises:
        InputError: If candles do not agree and the newer are not to win; it names the first.
    """
    both = old.join(new, on="time", how="full", coalesce=True, suffix=_NEW).sort("time")
    values = [name for name in SCHEMA if name != "time"]
    differs = pl.any_horizontal(pl.col(name) != pl.col(name + _NEW) for name in values)
    both = both.with_columns(differs.fill_null(value=False).alias("differs"))
    replaced = both.filter("differs")
    if replaced.height and not newer_wins:
        raise InputError(_conflict(replaced))
    chosen = (
        pl.when("differs").then(name + _NEW).otherwise(pl.coalesce(name, name + _NEW)).alias(name)
        for name in values
    )
    return both.select("time", *chosen), replaced.height


def _conflict(rows: pl.DataFrame) -> str:
    """The first candle that two tables know differently."""
    row = rows.row(0, named=True)
    name = next(
        name
        for name in SCHEMA
        if name != "time" and None not in (row[name], row[name + _NEW])
        if row[name] != row[name + _NEW]
    )
    others = f" ({rows.height - 1:,} more differ in the same month)" if rows.height > 1 else ""
    return (
        f"the candle of {row['time']:%Y-%m-%d %H:%M:%S} has {name} {row[name]} in the store and "
        f"{row[name + _NEW]} in what is to be written{others}. Nothing was written. Find out which "
        "is right, or let the newer win (on_conflict='newer')"
    )


def check_storable(candles: Candles) -> None:
    """Raise an `InputError` for a table with more columns than the store keeps."""
    others = [name for name in candles.frame.columns if name not in SCHEMA]
    if others:
        raise InputError(
            f"the store keeps whole candles of one market, not the columns {', '.join(others)}. "
            "Write the candles as they were before another market was put beside them, or before "
            "they were resampled with partial ones kept."
        )


def check_grid(opened: datetime, candles: Candles) -> None:
    """Raise an `InputError` if candles open between those that the series has."""
    if (candles.first - opened) % candles.interval:
        raise InputError(
            f"the candles open at {candles.first} and every {interval_text(candles.interval)} from "
            f"there, those in the store at {opened}. They are not of one series; keep them apart."
        )
