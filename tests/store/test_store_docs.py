"""What docs/data.md shows of the store works as it stands."""

from __future__ import annotations

import importlib.util
import re
import runpy
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import candlecast
from candlecast.store import Store

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python (\w+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CANDLECAST_STORE", str(tmp_path))
    store = Store()
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        minutes = candlecast.simulate(rows=30_000, seed=seed, symbol=symbol).candles
        store.write(minutes, "binance")
    return store


def run(name: str, store: Store) -> dict[str, Any]:
    """Execute an example; what it named is what it made."""
    script = store.root / f"{name}.py"
    script.write_text(EXAMPLES[name], encoding="utf-8")
    return runpy.run_path(str(script), {"root": store.root})


def test_the_examples_of_the_store_itself_run(store: Store) -> None:
    made = run("store", store)
    assert made["hours"].frame.equals(made["marked"].frame.filter(candles=60).drop("candles"))
    assert made["stretch"].frame.equals(made["candles"].frame)
    assert made["side_by_side"].collect().height == 30_000


def test_polars_reads_the_plain_files(store: Store) -> None:
    made = run("polars", store)
    expected = store.read("BTCUSDT").frame
    assert made["candles"].collect().select(expected.columns).equals(expected)
    assert made["every_symbol"].select(pl.len()).collect().item() == 60_000


def test_pandas_reads_the_plain_files(store: Store) -> None:
    candles = run("pandas", store)["candles"]
    expected = store.read("BTCUSDT")
    assert candlecast.Candles.from_frame(candles, "BTCUSDT").sha256 == expected.sha256


@pytest.mark.skipif(importlib.util.find_spec("duckdb") is None, reason="DuckDB is not installed")
def test_duckdb_reads_the_plain_files(store: Store) -> None:
    days = run("duckdb", store)["candles"].pl()
    by_day = (
        store.read("BTCUSDT")
        .frame.group_by(pl.col("time").dt.truncate("1d"))
        .agg(pl.col("high").max())
    )
    assert days["high"].to_list() == by_day.sort("time")["high"].to_list()


def test_each_program_has_its_example() -> None:
    assert set(EXAMPLES) >= {"store", "polars", "pandas", "duckdb"}
