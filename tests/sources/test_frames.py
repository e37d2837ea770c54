"""A frame that the user holds already is read like a file."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.sources import check, read

THEIRS = {"time": "when", "open": "o1", "close": "end"}


def test_frames_of_polars_and_pandas_are_read_with_their_names_or_the_users(
    candles: Candles,
) -> None:
    frame = candles.to_polars()
    pandas = candles.to_pandas()
    indexed = pandas.set_index("time")
    for given in (frame, pandas, indexed, indexed.rename_axis(None), frame.reverse()):
        assert read(given, symbol="BTCUSDT").sha256 == candles_of("BTCUSDT", frame).sha256
    renamed = frame.rename(THEIRS).select(reversed(frame.rename(THEIRS).columns))
    for given in (renamed, renamed.to_pandas(), renamed.to_pandas().set_index("when")):
        again = read(given, symbol="BTCUSDT", columns=THEIRS)
        assert again.sha256 == candles_of("BTCUSDT", frame).sha256


def candles_of(symbol: str, frame: pl.DataFrame) -> Candles:
    return Candles.from_frame(frame, symbol)


def test_a_frame_in_another_zone_and_with_numbers_for_times_is_read(candles: Candles) -> None:
    zoned = candles.to_pandas()
    zoned["time"] = zoned["time"].dt.tz_convert("America/New_York")
    numbered = candles.to_polars().with_columns(time=pl.col("time").dt.epoch("ms"))
    for given in (zoned, numbered):
        assert read(given, symbol="X").first == candles.first


def test_what_is_found_in_a_frame_is_said_and_repaired(candles: Candles) -> None:
    doubled = pl.concat([candles.to_polars(), candles.to_polars().tail(3)])
    quality = check(doubled, symbol="X")
    assert (quality.source, quality.layouts) == ("the frame", ["frame of OHLCV"])
    assert quality.repairs == {"identical_duplicates: drop": 3, "order: sort": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop("close"), "the frame: the layout is not known"),
        (lambda frame: frame.drop("volume"), "the frame: missing column volume"),
        (lambda frame: frame.with_columns(high=0.5), "the frame, row 1: high is not above|high is"),
        (lambda frame: frame.lazy(), "a path or a Polars or pandas frame, not LazyFrame"),
        (lambda _: 5, "a path or a Polars or pandas frame, not int"),
        (lambda frame: frame.clear(), "the frame: there are no rows"),
        (lambda frame: frame.to_pandas().assign(note=[object()] * 900), "column note cannot be"),
    ],
)
def test_a_fault_of_a_frame_is_named(candles: Candles, change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(change(candles.to_polars()), symbol="X")


def test_a_frame_needs_a_symbol_unless_it_has_one(candles: Candles) -> None:
    frame = candles.to_polars()
    with pytest.raises(InputError, match=r"the frame: its market is not told. Give symbol="):
        read(frame)
    told = frame.with_columns(pair=pl.lit("ETH/USDT"), Time=pl.col("time")).drop("time")
    assert read(told).symbol == "ETHUSDT"
