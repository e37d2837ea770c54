"""What several rooms' tests need."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import settings

from candlecast.candles import Candles
from candlecast.simulate import simulate

# Networks this small are slower on more threads than on one, by far on a busy machine.
torch.set_num_threads(1)

# No test reads or writes the store of whoever runs it.
os.environ["CANDLECAST_STORE"] = str(Path(tempfile.gettempdir()) / "candlecast-without-a-store")

# What is slow on a busy machine is not wrong: speed is measured in `benchmarks/`.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

pytest_plugins = ("exchange_fixtures",)

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def article_file() -> Path:
    """The real candles that the article reads."""
    return _shared(Path("data/article/Binance_BTCUSDT_minute.csv.gz"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real candle files in many layouts."""
    return _shared(Path("data"))


@pytest.fixture(scope="session")
def article_text() -> Path:
    """The article itself, with the tables that it prints."""
    return _shared(Path("article/time-series-regression-bitcoin.md"))


def _shared(path: Path) -> Path:
    if not (SHARED / path).exists():
        pytest.skip(f"{path.name} is not at hand: it is read from ../shared and never copied")
    return SHARED / path


@pytest.fixture(scope="session")
def candles() -> Candles:
    """A few hours of simulated minutes over a month's end."""
    return simulate(rows=900, r2=0.05, seed=7).candles


@pytest.fixture(scope="session")
def gappy_candles(candles: Candles) -> Candles:
    """The same with two holes: 10 candles after row 299, 1 after row 599."""
    kept = np.r_[0:300, 310:610, 611:900]
    return Candles.from_frame(candles.frame[kept.tolist()], candles.symbol, candles.interval)


@pytest.fixture(scope="session")
def write_candles() -> Callable[[Path, int], Path]:
    """Writes simulated candles in the layout that the article reads."""

    def write(path: Path, rows: int) -> Path:
        candles = simulate(rows=rows).candles.to_polars()
        table = candles.reverse().select(
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
        content = table.write_csv().encode()
        path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
        return path

    return write
