"""Seconds and memory from a CSV of candles to a checked table, beside the article's pandas lines.

    python benchmarks/reading_speed.py [--rows N] [--rounds R]

Ours reads every cell, checks that the number and the date say the same moment, that each time
stands once and on the grid, and every rule of a candle. The article's lines are `read_csv`, sort
and `to_datetime`; they check nothing. The ways take turns, each in a fresh process, the file in the
system's cache: once for the time and once, with allocators that keep nothing, for the memory. Peak
memory is that of the process, less what it had after its imports.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import polars as pl
import typer
from fresh_process import measure
from peak_memory import HONEST_ALLOCATORS
from rich.console import Console
from rich.table import Table

from candlecast.simulate import simulate

_WAYS = ("candlecast", "candlecast-parquet", "article", "article-parse-dates")
_log = Console(stderr=True)


def main(
    rows: Annotated[int, typer.Option(min=10_000, help="Rows of the file.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each way.")] = 5,
) -> None:
    """Measure what reading costs."""
    results: dict[str, list[dict[str, float]]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "BTCUSDT.csv"
        _write(file, rows)
        for number in range(1, rounds + 1):
            _log.print(f"round {number}/{rounds}")
            for way in _WAYS:
                timed = measure("read_once.py", way, str(file), settings={})
                weighed = measure("read_once.py", way, str(file), settings=HONEST_ALLOCATORS)
                results[way].append({**weighed, "seconds": timed["seconds"]})
    _print(results, rows)


def _write(file: Path, rows: int) -> None:
    """Simulated candles in the article's layout, prices and volumes to 8 decimals as in it."""
    frame = simulate(rows=rows).candles.frame
    table = frame.reverse().select(
        unix=pl.col("time").dt.epoch("ms"),
        date=pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S"),
        symbol=pl.lit("BTC/USDT"),
        open="open",
        high="high",
        low="low",
        close="close",
        **{"Volume BTC": "volume", "Volume USDT": "quote_volume"},
        tradecount="trades",
    )
    table.write_csv(file, float_precision=8)
    frame.write_parquet(file.with_suffix(".parquet"))


def _print(results: dict[str, list[dict[str, float]]], rows: int) -> None:
    table = Table(title=f"{rows:,} rows of CSV, rounds: {len(results['candlecast'])}")
    for heading in ("", "seconds", "times ours", "peak MB", "peak / columns"):
        table.add_column(heading, justify="left" if not heading else "right")
    for way, found in results.items():
        pairs = zip(found, results["candlecast"], strict=True)
        ratio = median(each["seconds"] / ours["seconds"] for each, ours in pairs)
        peak = median(each["peak_bytes"] for each in found)
        part = median(each["peak_bytes"] / each["table_bytes"] for each in found)
        table.add_row(
            way,
            f"{median(each['seconds'] for each in found):.3f}",
            f"{ratio:.2f}",
            f"{peak / 1e6:.0f}",
            f"{part:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
