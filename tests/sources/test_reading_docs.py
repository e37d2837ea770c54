"""What docs/data.md shows of reading works as it stands."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

import candlecast

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_examples_of_reading_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python reading\n(.*?)```", TEXT, re.DOTALL)
    _write_the_files_it_names()
    Path("example.py").write_text(example, encoding="utf-8")
    made = runpy.run_path("example.py")
    for name in ("candles", "months", "mine", "repaired"):
        assert len(made[name]) == 100, name
    assert made["quality"].repairs == {"conflicting_duplicates: last": 1}


def _write_the_files_it_names() -> None:
    frame = candlecast.simulate(rows=100).candles.frame.select(
        "time", "open", "high", "low", "close", "volume"
    )
    frame.write_csv("Binance_BTCUSDT_minute.csv.gz", compression="gzip")
    Path("months").mkdir()
    for name, part in {"BTCUSDT-1m-a": frame.head(60), "BTCUSDT-1m-b": frame.tail(50)}.items():
        with ZipFile(f"months/{name}.zip", "w") as archive:
            archive.writestr(f"{name}.csv", part.write_csv())
    frame.rename({name: name[0] for name in frame.columns}).write_csv("mine.csv")
    twice = pl.concat([frame, frame.tail(1).with_columns(volume=pl.col("volume") + 1)])
    twice.with_columns(symbol=pl.lit("BTCUSDT")).write_csv("old.csv")
