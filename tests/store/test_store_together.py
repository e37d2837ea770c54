"""Several processes at one store: writers take turns, and readers see whole states only."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_making import hourly

from candlecast.errors import CandlecastError
from candlecast.store import Store
from candlecast.store.disk import locked

# Writes whole generations: each sets the volume of all candles to its number.
WRITER = """
import sys
import polars as pl
from candlecast.store import Store
from store_making import hourly

root, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(first, last):
    volumes = [float(number)] * 2000
    Store(root).write(hourly(range(2000), volume=volumes), "binance", on_conflict="newer")
"""
# Writes its own candles one by one, so that two of them meet in the same months all the time.
APPENDER = """
import sys
from candlecast.store import Store
from store_making import hourly

root, first = sys.argv[1], int(sys.argv[2])
for place in range(first, 60, 2):
    Store(root).write(hourly([place]), "binance", source=f"candle {place}")
"""


def started(program: str, *args: object) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{program}"]
        + [str(arg) for arg in args],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [started(APPENDER, tmp_path, first) for first in (0, 1)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    store = Store(tmp_path)
    assert store.read("BTCUSDT", "1h").sha256 == hourly(range(60)).sha256
    assert set(store.sources("binance", "BTCUSDT", "1h")) == {f"candle {n}" for n in range(60)}
    assert store.verify() == []


def test_a_reader_during_writes_sees_one_write_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(hourly(range(2000), volume=[1.0] * 2000), "binance")
    seen: list[float] = []
    with started(WRITER, tmp_path, 2, 25) as writer:
        while writer.poll() is None:
            candles = store.read("BTCUSDT", "1h")
            assert len(candles) == 2000
            assert candles.frame["volume"].n_unique() == 1, "months of two writes are never mixed"
            seen.append(candles.frame["volume"][0])
            # A lazy frame sees each month whole, of one write or the next.
            assert store.scan("BTCUSDT", "1h").collect().height == 2000
            assert store.missing("binance", "BTCUSDT", "1h", candles.first, candles.last) == []
        assert writer.returncode == 0, writer.stderr and writer.stderr.read()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, "the reader ran while the writer wrote"
    assert store.verify() == []


def test_a_writer_waits_for_another_and_says_so_if_it_takes_too_long(tmp_path: Path) -> None:
    Store(tmp_path).write(hourly(range(3)), "binance")
    folder = tmp_path / "binance" / "BTCUSDT" / "1h"
    with locked(folder, 1.0):
        began = time.monotonic()
        with pytest.raises(CandlecastError, match=r"1h: another process is writing here"):
            Store(tmp_path, wait_s=0.2).write(hourly(range(5)), "binance")
        assert time.monotonic() - began >= 0.2
        assert len(Store(tmp_path).read("BTCUSDT", "1h")) == 3, "readers do not wait"
    assert Store(tmp_path, wait_s=0.2).write(hourly(range(5)), "binance").added == 2
