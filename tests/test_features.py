"""Features look back and never ahead; targets are found again by their exact inverse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import FEATURES, TargetName, compute_features, target_values, to_price

NAMES = list(FEATURES)


def test_every_feature_agrees_with_pandas(candles: Candles) -> None:
    frame = candles.to_pandas()
    time = frame["time"].dt
    close = frame["close"]
    reference = pd.DataFrame(
        {
            "open": frame["open"],
            "high": frame["high"],
            "low": frame["low"],
            "close": close,
            "close_change": (close - close.shift(1)).fillna(0),
            "log_return": pd.Series(np.log(close)).diff().fillna(0),
            "log_range": np.log(frame["high"] / frame["low"]),
            "log_volume": np.log1p(frame["volume"]),
            "minute_of_day": time.hour * 60 + time.minute,
            "day_of_week": time.day_of_week,
            "day_of_month": time.day,
            "week_of_year": time.isocalendar().week,
            "month": time.month,
        }
    )
    assert list(reference) == NAMES
    np.testing.assert_allclose(
        compute_features(candles, NAMES), reference.astype(float).to_numpy(), rtol=1e-9, atol=1e-12
    )


def test_no_feature_changes_when_the_future_does(gappy_candles: Candles) -> None:
    origin = 450
    future = pl.int_range(pl.len()) > origin
    changed = gappy_candles.frame.with_columns(
        pl.when(future).then(pl.col(name) * 3).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close", "volume")
    )
    other = Candles(changed, gappy_candles.symbol, gappy_candles.interval)
    cut = Candles(gappy_candles.frame[: origin + 1], other.symbol, other.interval)
    for across_gaps in (True, False):
        whole = compute_features(gappy_candles, NAMES, across_gaps=across_gaps)[: origin + 1]
        for variant in (other, cut):
            seen = compute_features(variant, NAMES, across_gaps=across_gaps)[: origin + 1]
            np.testing.assert_array_equal(seen, whole)


def test_each_segment_starts_anew_unless_gaps_are_crossed(gappy_candles: Candles) -> None:
    first_rows = [segment.start for segment in gappy_candles.segments]
    apart = compute_features(gappy_candles, ["close_change", "log_return"])
    joined = compute_features(gappy_candles, ["close_change", "log_return"], across_gaps=True)
    assert (apart[first_rows] == 0).all()
    assert (joined[first_rows[1:]] != 0).all()
    others = np.setdiff1d(np.arange(len(gappy_candles)), first_rows)
    np.testing.assert_array_equal(apart[others], joined[others])


def test_an_unknown_feature_is_named_with_the_known_ones(candles: Candles) -> None:
    with pytest.raises(InputError, match=r"'clse' is not known. Known features: open, high"):
        compute_features(candles, ["close", "clse"])


@pytest.mark.parametrize("target", ["close", "log_return"])
def test_a_target_turns_back_into_the_price_that_came(candles: Candles, target: TargetName) -> None:
    close = candles.frame["close"].to_numpy()
    values = target_values(candles, target, [1, 5])
    assert np.isnan(values[-1, 0])
    assert np.isnan(values[-5:, 1]).all()
    prices = to_price(target, values[:-5], close[:-5])
    np.testing.assert_allclose(prices[:, 0], close[1:-4], rtol=1e-14)
    np.testing.assert_allclose(prices[:, 1], close[5:], rtol=1e-14)
