"""Parquet files with candlecast's own column names."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.sources import read


def test_what_was_written_is_read_again_with_the_symbol_of_the_name(
    candles: Candles, tmp_path: Path
) -> None:
    path = tmp_path / "btc-usdt_1m_2021.parquet"
    candles.to_polars().write_parquet(path)
    again = read(path)
    assert (again.symbol, again.interval) == ("BTCUSDT", candles.interval)
    assert_frame_equal(again.to_polars(), candles.to_polars())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("high") * 0.5, r"X.parquet, row 1: high is below open"),
        (pl.col("time") == pl.col("time"), "X.parquet: column time holds Boolean, no times"),
    ],
)
def test_a_wrong_candle_is_named_by_its_row(
    candles: Candles, tmp_path: Path, change: pl.Expr, message: str
) -> None:
    path = tmp_path / "X.parquet"
    candles.to_polars().with_columns(change).write_parquet(path)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_damaged_or_nameless_file_is_refused(candles: Candles, tmp_path: Path) -> None:
    whole = tmp_path / "X.parquet"
    candles.to_polars().write_parquet(whole)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(InputError, match="cut or damaged"):
        read(tmp_path / "cut.parquet")
    (tmp_path / "_1m.parquet").write_bytes(whole.read_bytes())
    with pytest.raises(InputError, match="does not start with a symbol"):
        read(tmp_path / "_1m.parquet")
    candles.to_polars().drop("volume").write_parquet(whole)
    with pytest.raises(InputError, match=r"X.parquet: missing column volume"):
        read(whole)
