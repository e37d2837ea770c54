"""Read one CSV of candles once, in this process, and print one line of JSON.

`reading_speed` starts it in a fresh process for each measurement.
"""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import islice
from pathlib import Path

import pandas as pd
import typer
from peak_memory import PeakMemory

import candlecast

_REHEARSAL_LINES = 200


class Way(StrEnum):
    """A way to read."""

    CANDLECAST = "candlecast"
    PARQUET = "candlecast-parquet"
    TO_DATETIME = "article"
    PARSE_DATES = "article-parse-dates"


def main(way: Way, file: Path) -> None:
    """Read a file, after its first lines were read once, so that everything is imported."""
    small = file.with_name("rehearsal.csv")
    with file.open() as lines:
        small.write_text("".join(islice(lines, _REHEARSAL_LINES)))
    _read(Way.CANDLECAST if way is Way.PARQUET else way, small)
    with PeakMemory() as work:
        table_bytes = _read(way, file.with_suffix(".parquet") if way is Way.PARQUET else file)
    print(
        json.dumps({"seconds": work.seconds, "peak_bytes": work.peak, "table_bytes": table_bytes})
    )


def _read(way: Way, file: Path) -> int:
    """Read and return the bytes of the columns of what was read."""
    if way in (Way.CANDLECAST, Way.PARQUET):
        return int(candlecast.read(file, symbol="BTCUSDT").frame.estimated_size())
    if way is Way.PARSE_DATES:  # as the article has it
        frame = pd.read_csv(file, parse_dates=["date"]).sort_values(by="date")
        return int(frame.reset_index(drop=True).memory_usage().sum())
    frame = pd.read_csv(file).sort_values(by="unix").reset_index(drop=True)
    frame["date"] = pd.to_datetime(frame["date"])
    return int(frame.memory_usage().sum())


if __name__ == "__main__":
    typer.run(main)
