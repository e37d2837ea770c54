"""Another market stands beside the candles, and nothing of its future does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import compute_features, usable
from candlecast.markets import CARRIED_AT_MOST, with_market, with_markets
from candlecast.simulate import simulate

MINUTE = timedelta(minutes=1)
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def other() -> Candles:
    """Another market at the same time as `candles`."""
    market = simulate(rows=900, r2=0.05, seed=8).candles
    return Candles(market.frame, "ETHUSDT", market.interval)


def without(candles: Candles, *holes: range) -> Candles:
    """Candles without some rows."""
    gone = {row for hole in holes for row in hole}
    kept = [row for row in range(len(candles)) if row not in gone]
    return Candles(candles.frame[kept], candles.symbol, candles.interval)


def test_columns_stand_beside_each_other_by_open_time(candles: Candles, other: Candles) -> None:
    both = with_market(candles, "ethusdt", other)
    assert both.markets == ("ETHUSDT",)
    assert "SIMULATED 1m beside ETHUSDT" in repr(both)
    for name in other.frame.columns[1:]:
        assert both.frame[f"ETHUSDT:{name}"].equals(other.frame[name])
    assert both.frame.select(candles.frame.columns).equals(candles.frame)
    assert candles.markets == ()


def test_a_feature_of_another_market_is_what_it_is_on_that_market(
    candles: Candles, other: Candles
) -> None:
    names = ["scaled_return", "parkinson", "imbalance_10", "relative_trades", "momentum_15@2"]
    found = compute_features(
        with_market(candles, "ETHUSDT", other), [f"ETHUSDT:{name}" for name in names]
    )
    np.testing.assert_array_equal(found, compute_features(other, names))


def test_a_lead_is_how_much_more_the_other_rose(candles: Candles, other: Candles) -> None:
    both = with_market(candles, "ETHUSDT", other)
    leads = compute_features(both, ["ETHUSDT:lead_1", "ETHUSDT:lead_15"])
    names = ["scaled_return", "momentum_15"]
    np.testing.assert_array_equal(
        leads, compute_features(other, names) - compute_features(candles, names)
    )


def test_what_is_missing_is_carried_on_from_the_past_for_a_while(
    candles: Candles, other: Candles
) -> None:
    holed = without(other, range(10), range(100, 103), range(200, 240))
    table = with_market(candles, "ETHUSDT", holed).frame
    close = table["ETHUSDT:close"]
    assert close[:10].null_count() == 10, "before it begins"
    for name in PRICES:
        carried = table[f"ETHUSDT:{name}"]
        assert carried[100:103].to_list() == [other.frame["close"][99]] * 3
        assert carried[200 : 200 + CARRIED_AT_MOST].unique().to_list() == [close[199]]
        assert carried[200 + CARRIED_AT_MOST : 240].null_count() == 40 - CARRIED_AT_MOST
        assert carried[240] == other.frame[name][240]
    for name in ("volume", "trades", "taker_buy_quote_volume"):
        assert table[f"ETHUSDT:{name}"][100:103].to_list() == [0, 0, 0]


def test_where_the_other_market_has_no_candle_its_features_are_0(
    candles: Candles, other: Candles
) -> None:
    names = ["scaled_return", "log_volatility", "close", "lead_5", "imbalance", "momentum_60"]
    both = with_market(candles, "ETHUSDT", without(other, range(10), range(200, 400)))
    found = compute_features(both, [f"ETHUSDT:{name}" for name in names])
    assert not found[:10].any()
    assert not found[200 + CARRIED_AT_MOST : 400].any()
    assert found[11:200].any(axis=0).all()
    assert found[401:].any(axis=0).all()
    volatility = found[:, 1]
    assert volatility[400:].min() > np.log(1e-5), "what it was before the hole is not forgotten"


def test_the_other_market_s_future_reaches_no_candle_before_it(
    candles: Candles, other: Candles
) -> None:
    holed = without(other, range(395, 405), range(500, 550))
    names = [f"ETHUSDT:{name}" for name in ("close", "scaled_return", "volume_trend", "lead_60")]
    whole = compute_features(with_market(candles, "ETHUSDT", holed), names)
    for origin in (394, 400, 404, 450, 520):
        now = candles.frame["time"][origin]
        later = pl.col("time") > now
        tripled = holed.frame.with_columns(
            pl.when(later).then(pl.col(name) * 3).otherwise(name).alias(name)
            for name in (*PRICES, "volume")
        )
        for future in (tripled, holed.frame.filter(~later)):
            both = with_market(candles, "ETHUSDT", Candles(future, "ETHUSDT", MINUTE))
            seen = compute_features(both, names)
            np.testing.assert_array_equal(seen[: origin + 1], whole[: origin + 1])


def test_what_is_done_with_candles_is_done_with_what_stands_beside_them(
    gappy_candles: Candles, other: Candles
) -> None:
    both = with_market(gappy_candles, "ETHUSDT", other)
    assert both.segments == gappy_candles.segments
    assert both.sha256 != gappy_candles.sha256
    assert both.sha256 != with_market(gappy_candles, "ETHBTC", other).sha256
    second = both.between(both.frame["time"][300], None)
    assert second.markets == ("ETHUSDT",)
    coarse, expected = both.resample(5 * MINUTE), other.resample(5 * MINUTE).frame
    beside = expected.join(coarse.frame.select("time"), on="time")
    for name in other.frame.columns[1:]:
        np.testing.assert_allclose(coarse.frame[f"ETHUSDT:{name}"], beside[name], err_msg=name)


def test_a_coarser_candle_of_another_market_needs_all_its_candles(
    candles: Candles, other: Candles
) -> None:
    both = with_market(candles, "ETHUSDT", without(other, range(7)))
    coarse = both.resample(5 * MINUTE).frame
    assert coarse["ETHUSDT:volume"].is_null().to_list()[:3] == [True, True, False]


def test_columns_without_a_value_are_left_out(candles: Candles, other: Candles) -> None:
    bare = other.frame.with_columns(trades=pl.lit(None, pl.Int64)).drop("taker_buy_volume")
    both = with_market(candles, "ETHUSDT", Candles(bare, "ETHUSDT", MINUTE))
    assert "ETHUSDT:trades" not in both.frame.columns
    names = ["ETHUSDT:relative_trades", "ETHUSDT:imbalance", "ETHUSDT:close"]
    assert usable(both, names) == (
        ["ETHUSDT:close"],
        {
            "ETHUSDT:relative_trades": ["ETHUSDT:trades"],
            "ETHUSDT:imbalance": ["ETHUSDT:taker_buy_volume"],
        },
    )


def test_a_market_that_is_not_there_is_asked_for(candles: Candles) -> None:
    with pytest.raises(InputError, match="no candle of ETHUSDT beside these"):
        compute_features(candles, ["ETHUSDT:scaled_return"])


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("ETH-USDT", "'ETH-USDT' cannot name another market"),
        ("", "'' cannot name another market"),
        ("simulated", "SIMULATED is among the candles already. Name another market than"),
    ],
)
def test_a_name_that_is_not_fit_is_refused(
    candles: Candles, other: Candles, symbol: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        with_market(candles, symbol, other)


def test_a_market_stands_there_once(candles: Candles, other: Candles) -> None:
    both = with_market(candles, "ETHUSDT", other)
    with pytest.raises(InputError, match="Name another market than SIMULATED, ETHUSDT"):
        with_market(both, "ETHUSDT", other)
    assert with_market(both, "SOLUSDT", other).markets == ("ETHUSDT", "SOLUSDT")


def test_candles_that_do_not_fit_together_are_refused(candles: Candles, other: Candles) -> None:
    with pytest.raises(InputError, match="candles of ETHUSDT are 5m and those of SIMULATED 1m"):
        with_market(candles, "ETHUSDT", other.resample(5 * MINUTE))
    year = timedelta(days=365)
    later = other.frame.with_columns(pl.col("time") + year)
    with pytest.raises(InputError, match="no candle of ETHUSDT opens together with one of SIMU"):
        with_market(candles, "ETHUSDT", Candles(later, "ETHUSDT", MINUTE))


def test_markets_are_read_from_files(candles: Candles, other: Candles, tmp_path: Path) -> None:
    other.frame.write_parquet(tmp_path / "ETHUSDT_1m.parquet")
    both = with_markets(candles, {"ETHUSDT": tmp_path / "ETHUSDT_1m.parquet", "SOLUSDT": other})
    assert both.markets == ("ETHUSDT", "SOLUSDT")
    assert with_markets(candles, None) is candles
