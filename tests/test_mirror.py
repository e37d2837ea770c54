"""A mirrored market is the market turned upside down, and comes back when it is turned again."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from candlecast.candles import OPTIONAL, Candles
from candlecast.features import FEATURES, compute_features
from candlecast.markets import with_market
from candlecast.simulate import simulate

TURNED = [
    *("log_return", "scaled_return", "close_location", "body", "opening_gap"),
    *(f"momentum_{candles}" for candles in (3, 5, 15, 60)),
    *(f"deviation_{candles}" for candles in (5, 20, 60, 240)),
    *("imbalance", "signed_volume", "imbalance_10", "imbalance_60", "vwap_deviation"),
    *("vwap_deviation@3", "ETHUSDT:lead_5", "ETHUSDT:scaled_return", "ETHUSDT:imbalance"),
]
IN_PRICE = ["open", "high", "low", "close", "close_change"]
SWAPPED = ["upper_wick", "lower_wick"]


@pytest.fixture(scope="module")
def both(gappy_candles: Candles) -> Candles:
    """Candles with another market beside them, and with minutes without trades."""
    other = simulate(rows=900, r2=0.05, seed=8).candles
    silent = pl.int_range(pl.len()) % 50 == 7
    flat = gappy_candles.frame.with_columns(
        *(pl.when(silent).then(pl.lit(0.0)).otherwise(name).alias(name) for name in _AMOUNTS),
    )
    candles = Candles(flat, gappy_candles.symbol, gappy_candles.interval)
    later = Candles(other.frame[50:], "ETHUSDT", other.interval)
    return with_market(candles, "ETHUSDT", later)


_AMOUNTS = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


def test_turned_twice_the_candles_are_what_they_were(both: Candles) -> None:
    again = both.mirrored().mirrored()
    assert again.frame.schema == both.frame.schema
    for name in both.frame.columns:
        before, after = both.frame[name].to_physical(), again.frame[name].to_physical()
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12, err_msg=name)
    assert again.markets == both.markets


def test_a_mirrored_market_is_made_of_valid_candles(both: Candles) -> None:
    mirrored = both.mirrored()
    own = mirrored.frame.select(name for name in both.frame.columns if ":" not in name)
    checked = Candles.from_frame(own, "X", both.interval).frame
    assert checked.equals(own)
    assert own["close"][0] == pytest.approx(both.frame["close"][0])
    assert (own["taker_buy_volume"] <= own["volume"]).all()
    assert (own["taker_buy_quote_volume"] <= own["quote_volume"]).all()
    np.testing.assert_allclose(
        own["taker_buy_volume"], both.frame["volume"] - both.frame["taker_buy_volume"], atol=1e-12
    )


def test_what_rose_falls_as_much(both: Candles) -> None:
    now, then = (compute_features(table, TURNED) for table in (both, both.mirrored()))
    for place, name in enumerate(TURNED):
        np.testing.assert_allclose(then[:, place], -now[:, place], atol=1e-7, err_msg=name)
        assert now[:, place].any()


def test_what_has_no_direction_stays(both: Candles) -> None:
    same = [name for name in FEATURES if name not in (*TURNED, *IN_PRICE, *SWAPPED)]
    assert {"scaled_range", "log_volume", "parkinson", "minute_of_day", "taker_spread"} <= set(same)
    now, then = (compute_features(table, same) for table in (both, both.mirrored()))
    for place, name in enumerate(same):
        # One side's mean price is mirrored but for the square of its distance from that of both.
        tolerance = 1e-2 if name == "taker_spread" else 1e-7
        np.testing.assert_allclose(then[:, place], now[:, place], atol=tolerance, err_msg=name)


def test_the_wicks_change_places(both: Candles) -> None:
    now = compute_features(both, SWAPPED)
    np.testing.assert_allclose(compute_features(both.mirrored(), SWAPPED[::-1]), now, atol=1e-7)


def test_candles_without_flow_are_mirrored_too(candles: Candles) -> None:
    bare = Candles(candles.frame.drop(*OPTIONAL), candles.symbol, candles.interval)
    assert bare.mirrored().frame.columns == bare.frame.columns
    partly = candles.frame.drop("taker_buy_volume")
    kept = Candles(partly, candles.symbol, candles.interval).mirrored().frame
    assert kept.columns == partly.columns


def test_columns_without_a_value_stay_so(candles: Candles) -> None:
    empty = candles.frame.with_columns(quote_volume=pl.lit(None, pl.Float64))
    mirrored = Candles(empty, candles.symbol, candles.interval).mirrored().frame
    assert mirrored["quote_volume"].null_count() == len(candles)
    assert mirrored["close"].null_count() == 0
