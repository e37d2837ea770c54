"""Candles made of candles: labels at the wrong edge and gaps filled from behind are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from audit_helpers import leak_of

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit import audit_preparation, audit_resampling

FIVE = timedelta(minutes=5)


def grouped(label: str, closed: str) -> Callable[[Candles, timedelta], Candles]:
    """Resampling by Polars with the edges that a user might choose."""

    def resample(candles: Candles, interval: timedelta) -> Candles:
        minutes = candles.frame.with_columns(
            slot=(pl.col("time") - pl.duration(minutes=int(closed == "right"))).dt.truncate("5m")
        )
        coarse = minutes.group_by("slot", maintain_order=True).agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
        time = pl.col("slot") + pl.duration(minutes=5 * int(label == "right"))
        return Candles(
            coarse.select(
                time=time, open="open", high="high", low="low", close="close", volume="volume"
            ),
            candles.symbol,
            interval,
        )

    return resample


@pytest.mark.parametrize("interval", [FIVE, timedelta(hours=1)])
def test_resampling_is_clean(candles: Candles, gappy_candles: Candles, interval: timedelta) -> None:
    for table in (candles, gappy_candles):
        assert audit_resampling(table, interval).leak is None


def test_resampling_at_the_right_edges_is_clean_whoever_does_it(gappy_candles: Candles) -> None:
    assert audit_resampling(gappy_candles, FIVE, grouped("left", "left")).leak is None


@pytest.mark.parametrize(
    ("label", "closed", "rows", "words"),
    [
        ("left", "right", 1, "holds 1 row (1m) from after it"),
        ("right", "left", 5, "ends 5 rows (5m) before its close"),
        ("right", "right", 4, "ends 4 rows (4m) before its close"),
    ],
)
def test_a_label_at_the_wrong_edge_is_caught(
    candles: Candles, label: str, closed: str, rows: int, words: str
) -> None:
    leak = audit_resampling(candles, FIVE, grouped(label, closed))
    assert (leak.subject, leak.rows) == ("resampling to 5m", rows)
    assert words in leak_of(leak)


@pytest.mark.parametrize(("fill", "rows"), [("forward", 0), ("backward", 1)])
def test_a_gap_filled_from_behind_is_caught(gappy_candles: Candles, fill: str, rows: int) -> None:
    def prepare(candles: Candles) -> Candles:
        every_minute = candles.frame.upsample("time", every="1m")
        filled = every_minute.with_columns(
            pl.all().forward_fill() if fill == "forward" else pl.all().backward_fill()
        )
        return Candles(filled, candles.symbol, candles.interval)

    finding = audit_preparation(gappy_candles, prepare, subject="filling")
    assert (finding.subject, finding.rows) == ("filling", rows)
    assert (finding.leak is None) == (fill == "forward")


def test_resampling_that_leaves_nothing_is_refused(candles: Candles) -> None:
    with pytest.raises(InputError, match="resampling to 1w leaves none of 900 candles"):
        audit_resampling(candles, timedelta(weeks=1))
