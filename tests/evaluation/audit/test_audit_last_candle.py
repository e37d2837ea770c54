"""A last candle that was cut short is found; of any other there is a note."""

from __future__ import annotations

import polars as pl
from audit_helpers import leak_of

from candlecast.candles import Candles
from candlecast.evaluation.audit import audit_last_candle


def test_a_last_candle_that_looks_whole_is_a_note_with_advice(candles: Candles) -> None:
    finding = audit_last_candle(candles)
    assert finding.leak is None
    assert finding.note is not None
    assert "no file can prove" in finding.note
    assert f"--set data.end={candles.last:%Y-%m-%dT%H:%M:%SZ}" in finding.note


def test_a_last_candle_that_was_cut_short_is_told(candles: Candles) -> None:
    smallest = candles.frame["volume"][-61:-1].min()
    assert isinstance(smallest, float)
    last = pl.int_range(pl.len()) == pl.len() - 1
    volume = pl.when(last).then(smallest / 5).otherwise("volume").alias("volume")
    cut = Candles(candles.frame.with_columns(volume), candles.symbol, candles.interval)
    assert "it was still open when the file was made" in leak_of(audit_last_candle(cut))
