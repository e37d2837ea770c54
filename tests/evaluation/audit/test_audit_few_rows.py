"""A feature that looks ahead at few rows only is found, and what was tried is told."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from audit_helpers import leak_of, only

import candlecast
from candlecast.candles import Candles
from candlecast.evaluation.audit import audit_features
from candlecast.evaluation.audit.features import Feature

CLOSE, MINUTE = pl.col("close"), pl.col("time").dt.minute()
NEXT, HAS_TRADES = CLOSE.shift(-1), pl.col("volume") > 0


def market(share: float) -> Candles:
    """3,000 candles, so many of them without trades."""
    candles = candlecast.simulate(rows=3_000, seed=1).candles
    idle = pl.Series(np.random.default_rng(1).random(len(candles)) < share)
    volume = pl.when(idle).then(0.0).otherwise("volume").alias("volume")
    return Candles(candles.frame.with_columns(volume), candles.symbol, candles.interval)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.03])
def test_a_price_filled_backward_where_nobody_traded_is_caught(share: float) -> None:
    traded = pl.when(HAS_TRADES).then(CLOSE)
    features = {
        "backward": traded.fill_null(strategy="backward"),
        "forward": traded.fill_null(strategy="forward"),
    }
    leak = only(audit_features(market(share), features))
    assert leak.subject == "feature backward"
    assert leak_of(leak).startswith("backward looks ")


def at(condition: pl.Expr, ahead: pl.Expr = NEXT, otherwise: pl.Expr = CLOSE) -> pl.Expr:
    return pl.when(condition).then(ahead).otherwise(otherwise)


PEEKING: dict[str, tuple[Feature, int]] = {
    "minute": (at(MINUTE == 37), 1),
    "once_a_day": (at((MINUTE == 37) & (pl.col("time").dt.hour() == 5)), 1),
    "far": (at(MINUTE == 37, CLOSE.shift(-9)), 9),
    "seldom": (at(pl.col("close").hash() % 500 == 0), 1),
    "one_row": (at(pl.int_range(pl.len()) == 1_234), 1),
    "in_a_mean": (at(MINUTE == 37, NEXT, CLOSE.rolling_mean(120)), 1),
    "in_a_sum": (at(MINUTE == 37, NEXT, CLOSE.cum_sum()), 1),
    "in_a_decay": (at(MINUTE == 37, NEXT, CLOSE.ewm_mean(span=200)), 1),
    "function": (lambda table: table.frame.select(at(MINUTE == 37)).to_series().to_numpy(), 1),
}


@pytest.mark.parametrize("name", PEEKING)
def test_a_feature_that_peeks_seldom_is_caught_with_its_rows(name: str) -> None:
    feature, rows = PEEKING[name]
    assert only(audit_features(market(0.0), {name: feature})).rows == rows


def test_what_looks_back_is_clean_however_far() -> None:
    honest: dict[str, Feature] = {
        "mean": CLOSE.rolling_mean(240),
        "deviation": CLOSE.rolling_std(60),
        "decay": CLOSE.ewm_mean(span=200),
        "sum": pl.col("volume").cum_sum(),
        "high": CLOSE.cum_max(),
        "filled": at(MINUTE == 37, CLOSE.shift(30)),
    }
    findings = audit_features(market(0.01), honest)
    assert [finding.leak for finding in findings] == [None] * len(honest)


def test_a_finding_says_how_much_was_tried() -> None:
    findings = audit_features(market(0.0), {"close": CLOSE, "sum": CLOSE.cum_sum()})
    assert findings[0].check == (
        "changing, shuffling and deleting what comes after 12 rows, and changing what comes after "
        "175 more and after every row, by up to 32 rows"
    )
    assert findings[1].check == (
        "changing, shuffling and deleting what comes after 12 rows, and changing what comes after "
        "525 more"
    )


def test_a_slow_feature_is_tried_less(candles: Candles) -> None:
    asked = 0

    def mean(table: Candles) -> pl.Series:
        nonlocal asked
        asked += 1
        time.sleep(0.02)
        return table.frame["close"]

    slow: dict[str, Feature] = {
        "honest": lambda table: mean(table).rolling_mean(7).to_numpy(),
        "centred": lambda table: mean(table).rolling_mean(7, center=True).to_numpy(),
    }
    assert audit_features(candles, {"honest": slow["honest"]})[0].leak is None
    assert asked < 50
    assert only(audit_features(candles, {"centred": slow["centred"]})).rows == 3
