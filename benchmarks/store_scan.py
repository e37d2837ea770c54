"""Memory and seconds that it takes to scan a store much larger than memory should hold.

A store of made-up minutes is generated month by month, scanned by a fresh process for each question
while the kernel counts that process' memory, and deleted. The peak is that of the whole process,
interpreter, libraries and pages of mapped files included.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer
from fresh_process import measure
from rich.console import Console
from rich.table import Table
from store_scan_once import QUESTIONS

from candlecast.candles import TIME, Candles
from candlecast.progress import Progress
from candlecast.store import Store

_MINUTE = timedelta(minutes=1)
_FIRST_YEAR = 2015
_YEARS = 10
_BYTES_PER_ROW = 40  # generous, to see whether the disk has room
_LIMIT_GB = 2.0
_GB = 1e9
_log = Console(stderr=True)


def main(
    rows: Annotated[int, typer.Option(min=1_000_000, help="Candles in all.")] = 20_000_000,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every measurement to this file.")
    ] = None,
) -> None:
    """Generate a store, scan it, and fail if a scan took more than 2 GB; 200M rows show it."""
    if shutil.disk_usage(tempfile.gettempdir()).free < 2 * rows * _BYTES_PER_ROW:
        sys.exit(f"{tempfile.gettempdir()} has no room for {rows:,} rows. Ask for fewer.")
    with tempfile.TemporaryDirectory(prefix="candlecast-store-") as folder:
        root = Path(folder)
        began = time.perf_counter()
        held = generate(Store(root), rows)
        size = sum(file.stat().st_size for file in root.rglob("*.parquet"))
        _log.print(
            f"{held:,} rows, {size / _GB:.2f} GB on disk in {time.perf_counter() - began:.0f} s"
        )
        results: list[dict[str, Any]] = [
            {"question": question, "rows": held, "disk_bytes": size}
            | measure("store_scan_once.py", str(root), question, settings={})
            for question in QUESTIONS
        ]
    _print(results)
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if max(result["peak_bytes"] for result in results) > _LIMIT_GB * _GB:
        sys.exit(f"a scan took more than {_LIMIT_GB:g} GB")


def generate(store: Store, rows: int) -> int:
    """Fill a store with at least so many rows, a year of a symbol at a time."""
    year_rows = 365 * 1440
    years = -(-rows // year_rows)
    series = -(-years // _YEARS)
    with Progress() as bar:
        bar.start("years of candles", years)
        for number in range(years):
            symbol, year = number % series, number // series
            made = _year(f"COIN{symbol:03}USDT", _FIRST_YEAR + year, year_rows, seed=number)
            store.write(made, "made-up")
            bar.advance()
    return years * year_rows


def _year(symbol: str, year: int, rows: int, seed: int) -> Candles:
    """A random walk on a grid of cents, as prices are; far cheaper than `simulate`."""
    draw = np.random.default_rng(seed)
    close = 30_000.0 * np.exp(np.cumsum(draw.normal(0, 5e-4, rows)))
    first = np.concatenate([close[:1], close[:-1]])
    above, below = np.maximum(first, close), np.minimum(first, close)
    start = datetime(year, 1, 1, tzinfo=UTC)
    times = pl.datetime_range(start, start + (rows - 1) * _MINUTE, "1m", time_unit="us", eager=True)
    columns = {
        "open": first,
        "high": above * (1 + draw.exponential(2e-4, rows)),
        "low": below / (1 + draw.exponential(2e-4, rows)),
        "close": close,
        "volume": draw.exponential(50.0, rows),
    }
    table = pl.DataFrame({"time": times.cast(TIME), **columns}).with_columns(
        pl.exclude("time").round(2)
    )
    return Candles(table, symbol, _MINUTE)


def _print(results: list[dict[str, Any]]) -> None:
    first = results[0]
    table = Table(
        title=f"Scans of {first['rows']:,} candles, {first['disk_bytes'] / _GB:.2f} GB on disk",
        caption="Each in a fresh process; peak: the whole process' resident memory.",
    )
    for heading in ("question", "answer rows", "seconds", "peak GB"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            result["question"],
            f"{result['answer_rows']:,}",
            f"{result['seconds']:.1f}",
            f"{result['peak_bytes'] / _GB:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
