"""Features look back and never ahead, start anew after a gap, and are finite for odd candles."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from feature_references import candles_of

from candlecast.candles import OPTIONAL, Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit.futures import other_futures
from candlecast.features import FEATURES, compute_features, usable
from candlecast.features.market import Market
from candlecast.features.registry import market_features
from candlecast.markets import with_market
from candlecast.simulate import simulate

OF_OTHERS = [*market_features(Market()), "lead_1", "lead_3", "lead_5", "lead_15", "lead_60"]
NAMES = [
    *FEATURES,
    *(f"{name}@1" for name in FEATURES),
    *(f"{name}@7" for name in ("scaled_return", "vwap_deviation", "imbalance")),
    *(f"ETHUSDT:{name}" for name in OF_OTHERS),
    "ETHUSDT:scaled_return@2",
    "talib:RSI(timeperiod=14)",
    "talib:MACD(fastperiod=5, slowperiod=12).macdhist",
    "talib:ATR",
    "talib:RSI@3",
]


@pytest.fixture(scope="module")
def both(gappy_candles: Candles) -> Candles:
    """The candles with another market beside them that has holes of its own."""
    other = simulate(rows=900, r2=0.05, seed=8).candles
    kept = np.r_[20:200, 205:400, 440:900].tolist()
    return with_market(
        gappy_candles, "ETHUSDT", Candles.from_frame(other.frame[kept], "ETHUSDT", other.interval)
    )


@pytest.mark.parametrize("across_gaps", [False, True])
def test_no_feature_changes_when_the_future_does(both: Candles, across_gaps: bool) -> None:
    whole = compute_features(both, NAMES, across_gaps=across_gaps)
    for origin in (0, 195, 299, 300, 405):
        for way, changed in other_futures(both, origin).items():
            seen = compute_features(changed, NAMES, across_gaps=across_gaps)[: origin + 1]
            moved = (seen != whole[: origin + 1]).any(axis=0)
            assert not [name for name, yes in zip(NAMES, moved, strict=True) if yes], (way, origin)


def test_every_feature_is_moved_by_its_own_past(both: Candles) -> None:
    """So the test above is of features that read something."""
    whole = compute_features(both, NAMES)
    changed = compute_features(other_futures(both, 450)["changed"], NAMES)
    moved = (changed[451:] != whole[451:]).any(axis=0)
    unmoved = {name for name, yes in zip(NAMES, moved, strict=True) if not yes}
    expected = {name for name in NAMES if _is_of_the_calendar(name.partition("@")[0])}
    seasonal = {name for name in NAMES if "_before_" in name and "every" not in name}
    assert unmoved == expected | seasonal  # which need more than a day, and so a test of their own


def _is_of_the_calendar(name: str) -> bool:
    return name in FEATURES and name not in market_features(Market())


def test_each_segment_starts_anew_unless_gaps_are_crossed(both: Candles) -> None:
    apart = compute_features(both, NAMES)
    for segment in both.segments:
        rows = slice(segment.start, segment.stop)
        alone = Candles(both.frame[rows], both.symbol, both.interval)
        np.testing.assert_array_equal(compute_features(alone, NAMES), apart[rows])
    first_rows = [segment.start for segment in both.segments]
    joined = compute_features(both, ["close_change", "log_return"], across_gaps=True)
    assert (joined[first_rows[1:]] != 0).all()


def test_a_lag_is_the_value_so_many_candles_before(candles: Candles) -> None:
    now, before, far = compute_features(candles, ["imbalance", "imbalance@1", "imbalance@400"]).T
    np.testing.assert_array_equal(before, np.append(0.0, now[:-1]))
    np.testing.assert_array_equal(far, np.append(np.zeros(400), now[:-400]))


NAMES_OF_THIS = [*FEATURES, "imbalance@2", "scaled_return@2"]
STILL = 50
ODD = {
    "still": candles_of(STILL),
    "without_trades": candles_of(
        STILL,
        **dict.fromkeys(("volume", "quote_volume"), [0.0] * STILL),
        **dict.fromkeys(("taker_buy_volume", "taker_buy_quote_volume"), [0.0] * STILL),
        trades=[0] * STILL,
    ),
    "almost_without_volume": candles_of(
        STILL,
        volume=[1e-12] * STILL,
        quote_volume=[1e-11] * STILL,
        taker_buy_volume=[1e-12, 1e-13] * (STILL // 2),
        taker_buy_quote_volume=[1e-11, 0.0] * (STILL // 2),
    ),
    "one_jump_after_long_rest": candles_of(
        STILL,
        **{name: [10.0] * 49 + [1e6] for name in ("open", "high", "low", "close")},
    ),
    "a_huge_range": candles_of(STILL, high=[1e12] * STILL, low=[1e-12] * STILL),
    "more_bought_than_traded": candles_of(
        STILL, taker_buy_volume=[1.0 + 1e-9] * STILL, taker_buy_quote_volume=[11.0] * STILL
    ),
    "trading_on_and_off": candles_of(
        STILL,
        volume=[0.0, 1e6] * (STILL // 2),
        quote_volume=[0.0, 1e7] * (STILL // 2),
        trades=[0, 10**6] * (STILL // 2),
        taker_buy_volume=[0.0, 1e-6] * (STILL // 2),
        taker_buy_quote_volume=[0.0, 1e-5] * (STILL // 2),
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_every_feature_is_finite_for_odd_candles(kind: str) -> None:
    candles = with_market(ODD[kind], "ETHUSDT", ODD[kind])
    names = [name for name in NAMES if not name.startswith("talib")]
    assert np.isfinite(compute_features(candles, names)).all()
    assert np.isfinite(compute_features(candles.mirrored(), names)).all()


def test_nothing_moves_where_the_market_stands_still() -> None:
    names = ["scaled_return", "momentum_5", "deviation_20", "body", "imbalance", "taker_spread"]
    assert not compute_features(ODD["still"], names).any()


def test_a_file_without_some_columns_allows_the_other_features(candles: Candles) -> None:
    bare = Candles(candles.frame.drop(*OPTIONAL), candles.symbol, candles.interval)
    kept, dropped = usable(bare, NAMES_OF_THIS)
    assert compute_features(bare, kept).shape == (len(bare), len(kept))
    assert dropped["relative_trades"] == ["trades"]
    assert set(dropped) == {
        *("relative_trades", "trade_size", "imbalance", "imbalance_10", "imbalance_60"),
        *("signed_volume", "vwap_deviation", "taker_spread", "imbalance@2"),
    }
    with pytest.raises(InputError, match="feature 'imbalance' reads taker_buy_volume, which these"):
        compute_features(bare, ["close", "imbalance"])


def test_a_column_without_any_value_is_as_good_as_none(candles: Candles) -> None:
    empty = candles.frame.with_columns(trades=pl.lit(None, pl.Int64))
    _, dropped = usable(Candles(empty, candles.symbol, candles.interval), NAMES_OF_THIS)
    assert dropped == {"relative_trades": ["trades"], "trade_size": ["trades"]}


def test_a_value_that_is_missing_here_and_there_is_named_with_its_time(candles: Candles) -> None:
    holed = candles.frame.with_columns(
        trades=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("trades")
    )
    broken = Candles(holed, candles.symbol, candles.interval)
    for name, minute in (("relative_trades", 7), ("relative_trades@2", 9)):
        with pytest.raises(InputError, match=rf"'{name}' is nan at .* 00:0{minute}:00"):
            compute_features(broken, [name])
